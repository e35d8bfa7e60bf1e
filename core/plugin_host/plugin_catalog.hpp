// What plugins were found: descriptors for people, for the API and for the validation of specs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace syspulse::plugin_host {

struct LoadedKind;

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
    std::string error;  // Why it could not be loaded; empty for a loaded plugin.

    bool loaded() const { return error.empty(); }
};

// Tells whether a plugin's JSON Schema text lies in the subset that the core can check.
using SchemaCheck = std::function<Result<void>(std::string_view)>;

// [loop thread]
class PluginCatalog {
  public:
    PluginCatalog();
    ~PluginCatalog();
    PluginCatalog(const PluginCatalog&) = delete;
    PluginCatalog& operator=(const PluginCatalog&) = delete;

    // Loads every *.so of `directory` in the order of the file names. A directory that does not
    // exist is empty. What cannot be loaded is listed with its error and does not disturb the
    // others; of two plugins with the same id or kind name the first wins.
    void load_directory(const std::filesystem::path& directory, const SchemaCheck& schema_check);

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

  private:
    Result<void> admit(const std::filesystem::path& file, const SchemaCheck& schema_check);

    std::vector<PluginInfo> plugins_;
    std::vector<std::unique_ptr<LoadedKind>> kinds_;
};

}  // namespace syspulse::plugin_host
