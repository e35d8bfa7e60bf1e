#include "plugin_host/plugin_host.hpp"

#include <utility>

#include "plugin_host/host_core.hpp"
#include "plugin_host/keep_for_ever.hpp"
#include "plugin_host/loaded_kind.hpp"
#include "plugin_host/plugin_check_runner.hpp"
#include "plugin_host/plugin_process_runner.hpp"

namespace syspulse::plugin_host {
namespace {

class LoadedPluginHost final : public PluginHost {
  public:
    LoadedPluginHost(platform::EventLoop& loop, const platform::Clock& clock,
                     const HostOptions& options)
        : core_(std::make_shared<HostCore>(loop, clock, options.worker_limit)),
          processes_(
              std::make_unique<PluginProcessRunner>(core_, catalog_, options.operation_deadline)),
          checks_(std::make_unique<PluginCheckRunner>(core_, catalog_, options.check_grace)) {
        keep_for_ever(core_);
        for (const auto& directory : options.search_paths) {
            catalog_.load_directory(directory, options.schema_check);
        }
    }
    ~LoadedPluginHost() override {
        checks_.reset();
        processes_.reset();
        core_->close();
    }

    const PluginCatalog& catalog() const override { return catalog_; }
    platform::ProcessRunner& processes() override { return *processes_; }
    platform::CheckRunner& checks() override { return *checks_; }
    Result<void> try_checker(const std::string& checker, const std::string& options_json) override {
        const LoadedKind* const kind = catalog_.find(KindType::checker, checker);
        if (kind == nullptr) return Error{ErrorCode::not_found, "there is no such checker"};
        const auto config = PluginConfig::parse(options_json);
        return config ? core_->try_out(*kind, *config) : Result<void>(config.error());
    }
    bool owns_pid(std::int64_t pid) const override { return core_->owns_pid(pid); }
    Misbehaviour misbehaviour() const override { return core_->misbehaviour(); }

  private:
    PluginCatalog catalog_;
    std::shared_ptr<HostCore> core_;  // Shared with plugin threads that may call late.
    std::unique_ptr<PluginProcessRunner> processes_;
    std::unique_ptr<PluginCheckRunner> checks_;
};

}  // namespace

Result<std::unique_ptr<PluginHost>> PluginHost::create(platform::EventLoop& loop,
                                                       const platform::Clock& clock,
                                                       HostOptions options) {
    return std::unique_ptr<PluginHost>(
        std::make_unique<LoadedPluginHost>(loop, clock, std::move(options)));
}

}  // namespace syspulse::plugin_host
