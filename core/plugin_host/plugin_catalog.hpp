// What plugins were found: descriptors for people, for the API and for the validation of specs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/plugin_calls.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace syspulse::plugin_host {

struct LoadedKind;
struct IsolationPolicy;

enum class KindType : std::uint8_t { checker, driver };

// Bits of KindInfo::enforces; the values of SYSP_LIMIT_* in the ABI.
enum Limit : std::uint32_t {
    limit_memory = 1,
    limit_cpu = 2,
    limit_open_files = 4,
    limit_processes = 8
};

struct KindInfo {
    KindType type = KindType::checker;
    std::string name;  // What specs say.
    std::string summary;
    std::string config_schema;   // JSON Schema text; for a checker it describes the spec's `with:`.
    std::string process_schema;  // Drivers: describes the spec's `with:`; empty if there is none.
    std::uint32_t enforces = 0;  // Drivers: Limit bits.
};

struct PluginInfo {
    std::filesystem::path path;
    std::string id;
    std::string version;
    std::string vendor;
    std::string sdk;
    std::uint16_t abi_major = 0;
    std::uint16_t abi_minor = 0;
    std::vector<KindInfo> kinds;
    std::string error;             // Why it could not be loaded; empty for a loaded plugin.
    bool bundled = false;          // Comes with syspulse.
    bool isolated = false;         // Runs in a process of its own.
    bool banished = false;         // So against its settings: it has crashed managers.
    std::uint64_t file_stamp = 0;  // Of the file that was loaded, or looked at.

    bool loaded() const { return error.empty(); }
};

// Tells whether a plugin's JSON Schema text lies in the subset that the core can check.
using SchemaCheck = std::function<Result<void>(std::string_view)>;

// Checks options against a schema and fills in its defaults. [loop thread]
using OptionsCompletion =
    std::function<Result<std::string>(std::string_view schema, std::string_view options)>;

// How plugins are kept apart from the process that uses them.
struct IsolationOptions {
    std::filesystem::path program;  // Of plugin hosts; empty: the running one.
    // Whether a file comes with syspulse: then it is as good as the program itself.
    std::function<bool(const std::filesystem::path&)> bundled;
    // For a bundled plugin only path and id are known yet.
    std::function<IsolationPolicy(const PluginInfo&)> policy;
    Duration scan_limit = std::chrono::seconds{10};
};

// [loop thread]
class PluginCatalog {
  public:
    PluginCatalog();
    ~PluginCatalog();
    PluginCatalog(const PluginCatalog&) = delete;
    PluginCatalog& operator=(const PluginCatalog&) = delete;

    // Where it is marked that a foreign plugin is being loaded into this process.
    void mark_calls(PluginCalls* calls) { calls_ = calls; }

    // Loads every *.so of `directory` in the order of the file names. A directory that does not
    // exist is empty. What cannot be loaded is listed with its error and does not disturb the
    // others; of two plugins with the same id or kind name the first wins.
    // Without `isolation` every plugin is loaded into this process. With it a foreign file is first
    // looked at in a process that is thrown away, and stays out if its policy says so.
    void load_directory(const std::filesystem::path& directory, const SchemaCheck& schema_check,
                        const IsolationOptions* isolation = nullptr);

    // Loads one file. The error names the file, and field, expected and found value where it is
    // one.
    Result<void> load_file(const std::filesystem::path& file, const SchemaCheck& schema_check);

    const std::vector<PluginInfo>& plugins() const { return plugins_; }

    // Kinds of loaded plugins; null if nothing has that name.
    const KindInfo* driver(std::string_view name) const;
    const KindInfo* checker(std::string_view name) const;

    // The names, sorted, for messages like "unknown driver x; known are a, b".
    std::vector<std::string> names(KindType type) const;

    // For plugin_host only: the kind with its checked copy of the function table.
    const LoadedKind* find(KindType type, std::string_view name) const;

    // For plugin_host only: the kinds of one plugin.
    std::vector<LoadedKind*> kinds_of(std::string_view plugin_id);
    // For plugin_host only: takes over texts and schemas of a plugin whose file was replaced.
    void update(const PluginInfo& info);

  private:
    void note(const std::filesystem::path& file, const Result<void>& admitted);
    Result<void> admit(const std::filesystem::path& file, const SchemaCheck& schema_check,
                       bool bundled = false);
    Result<void> enter(PluginInfo info, std::vector<std::unique_ptr<LoadedKind>> kinds);
    void load_foreign(const std::vector<std::filesystem::path>& files,
                      const SchemaCheck& schema_check, const IsolationOptions& isolation);
    bool has(const std::filesystem::path& file) const;
    Result<void> admit_scanned(const std::filesystem::path& file, Result<PluginInfo> scanned,
                               const SchemaCheck& schema_check, const IsolationOptions& isolation);

    PluginCalls* calls_ = nullptr;
    std::vector<PluginInfo> plugins_;
    std::vector<std::unique_ptr<LoadedKind>> kinds_;
};

}  // namespace syspulse::plugin_host
