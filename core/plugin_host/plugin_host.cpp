#include "plugin_host/plugin_host.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "platform/file_trust.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"
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
        : core_(std::make_shared<HostCore>(loop, clock, options.worker_limit,
                                           options.complete_options)),
          processes_(
              std::make_unique<PluginProcessRunner>(core_, catalog_, options.operation_deadline)),
          checks_(std::make_unique<PluginCheckRunner>(core_, catalog_, options.check_grace)) {
        keep_for_ever(core_);
        core_->mark_calls(options.calls);
        catalog_.mark_calls(options.calls);
        const IsolationOptions* const isolation = options.isolation ? &*options.isolation : nullptr;
        for (const auto& directory : options.search_paths) {
            catalog_.load_directory(directory, options.schema_check, isolation);
        }
        for (const PluginInfo& plugin : catalog_.plugins()) {
            if (plugin.loaded() && plugin.isolated) isolate(plugin, options);
        }
    }
    ~LoadedPluginHost() override {
        checks_.reset();
        processes_.reset();
        remotes_.clear();
        core_->close();
    }

    const PluginCatalog& catalog() const override { return catalog_; }
    platform::ProcessRunner& processes() override { return *processes_; }
    platform::CheckRunner& checks() override { return *checks_; }
    Result<void> try_checker(const std::string& checker, const std::string& options_json) override {
        const LoadedKind* const kind = catalog_.find(KindType::checker, checker);
        if (kind == nullptr) return Error{ErrorCode::not_found, "there is no such checker"};
        if (kind->remote != nullptr) {
            const auto tried = try_options(kind->remote->trial(checker, options_json));
            return tried ? Result<void>() : Result<void>(tried.error());
        }
        const auto config = core_->configure(*kind, options_json);
        return config ? core_->try_out(*kind, *config) : Result<void>(config.error());
    }
    ForeignTrial foreign_trial(const std::string& checker,
                               const std::string& options_json) const override {
        const LoadedKind* const kind = catalog_.find(KindType::checker, checker);
        if (kind == nullptr || kind->remote == nullptr) return {};
        return [trial = kind->remote->trial(checker, options_json)] { return try_options(trial); };
    }
    Result<void> try_driver(const std::string& driver, const std::string& options_json,
                            const platform::ProcessLimits& limits) override {
        const LoadedKind* const kind = catalog_.find(KindType::driver, driver);
        if (kind == nullptr) return Error{ErrorCode::not_found, "there is no such driver"};
        if (kind->remote != nullptr) return try_foreign(*kind, options_json, limits);
        const auto config = core_->configure(*kind, options_json);
        return config ? core_->try_spawn(*kind, *config, limits) : Result<void>(config.error());
    }
    ForeignTrial foreign_trial(const std::string& driver, const std::string& options_json,
                               const platform::ProcessLimits& limits) const override {
        const LoadedKind* const kind = catalog_.find(KindType::driver, driver);
        if (kind == nullptr || kind->remote == nullptr) return {};
        return [trial = kind->remote->trial(driver, options_json, limits)] {
            return try_options(trial);
        };
    }
    bool owns_pid(std::int64_t pid) const override {
        return core_->owns_pid(pid) ||
               std::any_of(remotes_.begin(), remotes_.end(),
                           [pid](const auto& remote) { return remote->owns_pid(pid); });
    }
    Misbehaviour misbehaviour() const override {
        Misbehaviour all = core_->misbehaviour();
        for (const auto& remote : remotes_) all += remote->status().misbehaviour;
        return all;
    }

    std::optional<HostStatus> host(std::string_view plugin_id) const override {
        const RemotePlugin* const remote = find(plugin_id);
        return remote == nullptr ? std::nullopt : std::optional(remote->status());
    }
    void watch_versions(VersionWatch watch) override { versions_ = std::move(watch); }
    void reload(const std::string& plugin_id, bool force,
                std::function<void(Result<void>)> done) override {
        if (RemotePlugin* const remote = find(plugin_id); remote != nullptr) {
            return remote->reload(force, std::move(done));
        }
        core_->loop().post([this, core = core_, plugin_id, done = std::move(done)] {
            if (core->now()) done(not_reloadable(plugin_id));
        });
    }
    std::vector<std::string> changed_files() const override;
    std::vector<std::string> reload_changed() override;

  private:
    void isolate(const PluginInfo& plugin, const HostOptions& options);
    void started(const PluginInfo& fresh, Takeover how);
    Result<void> try_foreign(const LoadedKind& driver, const std::string& options_json,
                             const platform::ProcessLimits& limits);
    Error not_reloadable(const std::string& plugin_id) const;
    RemotePlugin* find(std::string_view plugin_id) const {
        for (const auto& remote : remotes_) {
            if (remote->id() == plugin_id) return remote.get();
        }
        return nullptr;
    }

    PluginCatalog catalog_;
    VersionWatch versions_;
    std::shared_ptr<HostCore> core_;  // Shared with plugin threads that may call late.
    std::vector<std::unique_ptr<RemotePlugin>> remotes_;
    std::unique_ptr<PluginProcessRunner> processes_;
    std::unique_ptr<PluginCheckRunner> checks_;
    std::set<std::pair<std::string, std::uint64_t>> silent_;  // Drivers of these files.
};

Result<void> LoadedPluginHost::try_foreign(const LoadedKind& driver,
                                           const std::string& options_json,
                                           const platform::ProcessLimits& limits) {
    const RemotePlugin& remote = *driver.remote;
    // Once it has said that it has nothing to say, no more processes are started to ask it.
    const std::pair asked(driver.info.name, remote.file_stamp());
    if (silent_.count(asked) != 0) return {};
    const auto tried = try_options(remote.trial(driver.info.name, options_json, limits));
    if (!tried) return tried.error();
    if (!*tried) silent_.insert(asked);
    return {};
}

void LoadedPluginHost::isolate(const PluginInfo& plugin, const HostOptions& options) {
    RemoteSetup setup{options.isolation->program,
                      plugin.path,
                      plugin,
                      options.isolation->policy(plugin),
                      options.schema_check,
                      [this](const PluginInfo& fresh) {
                          return versions_.suits ? versions_.suits(fresh) : Result<void>();
                      },
                      [this](const PluginInfo& fresh, Takeover how) { started(fresh, how); }};
    remotes_.push_back(std::make_unique<RemotePlugin>(*core_, std::move(setup)));
    for (LoadedKind* const kind : catalog_.kinds_of(plugin.id)) {
        kind->remote = remotes_.back().get();
    }
}

void LoadedPluginHost::started(const PluginInfo& fresh, Takeover how) {
    const auto& known = catalog_.plugins();
    const auto found = std::find_if(known.begin(), known.end(), [&](const PluginInfo& plugin) {
        return plugin.loaded() && plugin.id == fresh.id;
    });
    if (found == known.end()) return;
    const PluginInfo before = *found;
    catalog_.update(fresh);
    if (how.other_file && !how.reloaded) {
        log::warn("plugin " + before.id + ": its file " + before.path.string() +
                  " has changed since version " + before.version +
                  " was loaded; its fresh process uses the new one, version " + fresh.version);
    }
    if (versions_.started) versions_.started(before, *found, how);
}

Error LoadedPluginHost::not_reloadable(const std::string& plugin_id) const {
    for (const PluginInfo& plugin : catalog_.plugins()) {
        if (!plugin.loaded() || plugin.id != plugin_id) continue;
        return {ErrorCode::invalid_state,
                "plugin " + plugin_id +
                    " runs inside the manager and cannot be replaced there; to have daemons go on "
                    "under a new manager, run syspulse upgrade"};
    }
    return {ErrorCode::not_found, "no plugin is called \"" + plugin_id + '"'};
}

std::vector<std::string> LoadedPluginHost::changed_files() const {
    std::vector<std::string> ids;
    for (const PluginInfo& plugin : catalog_.plugins()) {
        if (!plugin.loaded()) continue;
        const RemotePlugin* const remote = find(plugin.id);
        const bool changed = remote != nullptr
                                 ? remote->file_changed()
                                 : platform::file_stamp(plugin.path) != plugin.file_stamp;
        if (changed) ids.push_back(plugin.id);
    }
    return ids;
}

std::vector<std::string> LoadedPluginHost::reload_changed() {
    std::vector<std::string> ids;
    for (const auto& remote : remotes_) {
        if (!remote->has_untried_file()) continue;
        ids.push_back(remote->id());
        remote->reload(false, [id = remote->id()](const Result<void>& result) {
            if (result) return log::info("plugin " + id + " was reloaded");
            log::error("cannot reload plugin " + id + ": " + result.error().message);
        });
    }
    return ids;
}

}  // namespace

Result<std::unique_ptr<PluginHost>> PluginHost::create(platform::EventLoop& loop,
                                                       const platform::Clock& clock,
                                                       HostOptions options) {
    return std::unique_ptr<PluginHost>(
        std::make_unique<LoadedPluginHost>(loop, clock, std::move(options)));
}

}  // namespace syspulse::plugin_host
