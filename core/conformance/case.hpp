// What a case works with: the plugin, loaded into this very process, and what its author told.
#pragma once

#include <syspulse/plugin.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "conformance/author_file.hpp"
#include "conformance/item.hpp"
#include "conformance/kit_host.hpp"
#include "plugin_host/loaded_kind.hpp"
#include "plugin_host/module_check.hpp"
#include "plugin_host/plugin_config.hpp"

namespace syspulse::conformance {

// One instance of the kind under test.
class Trial {
  public:
    Trial(KitHost& host, const plugin_host::LoadedKind& kind, const std::string& config);
    ~Trial() { destroy(); }
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

    sysp_status status() const { return status_; }
    bool created() const { return self_ != nullptr; }
    void destroy();
    void* self() const { return self_; }

    // A check, started; nothing when it was refused.
    std::optional<sysp_op> start(const std::string& target, std::uint32_t timeout_ms = 5000,
                                 const sysp_check_request* shape = nullptr);
    // A check from start to answer.
    std::optional<Event> check(const std::string& target, std::uint32_t timeout_ms = 5000);

    const sysp_checker_vtbl& checker() const { return kind_.checker; }
    const sysp_driver_vtbl& driver() const { return kind_.driver; }
    KitHost& host() { return host_; }

  private:
    KitHost& host_;
    const plugin_host::LoadedKind& kind_;
    std::shared_ptr<plugin_host::PluginConfig> config_;
    void* self_ = nullptr;
    sysp_status status_ = SYSP_E_INTERNAL;
};

class Case {
  public:
    Case(std::filesystem::path file, std::string kind, AuthorFile author, int deadline_scale = 1)
        : file_(std::move(file)),
          kind_name_(std::move(kind)),
          author_(std::move(author)),
          deadline_scale_(deadline_scale) {}

    const std::filesystem::path& file() const { return file_; }
    const std::string& kind_name() const { return kind_name_; }
    // The author's file; empty for none.
    const std::string& author_path() const { return author_.path; }
    int deadline_scale() const { return deadline_scale_; }
    // What the author says of the kind under test.
    const AuthorKind& author() const;

    // Loads the file, once; an error is a finding of M01 to M06 and skips what comes later.
    Result<const sysp_module*> module();
    Result<const plugin_host::LoadedKind*> kind();

    // A deadline on a machine that the user says is so many times slower than others.
    Duration within(Duration limit) const { return limit * deadline_scale_; }

    bool is_driver() const;
    // Valid configurations of instances: the author's, else what the schema's defaults make.
    std::vector<std::string> configs();
    // Valid options of a driver's processes: likewise.
    std::vector<std::string> process_options();

  private:
    std::filesystem::path file_;
    std::string kind_name_;
    AuthorFile author_;
    int deadline_scale_;
    const sysp_module* module_ = nullptr;
    std::optional<plugin_host::CheckedModule> checked_;
};

// How many descriptors and threads this process has, and how much memory.
struct Usage {
    std::size_t descriptors = 0;
    std::size_t threads = 0;
    std::size_t memory_kib = 0;  // Of its own, without what is mapped of files.
};
Usage usage();

}  // namespace syspulse::conformance
