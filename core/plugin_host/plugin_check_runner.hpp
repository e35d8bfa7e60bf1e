// platform::CheckRunner on checker plugins: one checker instance per daemon, made at its first
// check.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "platform/check_runner.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

// [loop thread]
class PluginCheckRunner final : public platform::CheckRunner, private CompletionSink {
  public:
    PluginCheckRunner(std::shared_ptr<HostCore> core, const PluginCatalog& catalog, Duration grace);
    ~PluginCheckRunner() override;

    void set_observer(platform::CheckObserver* observer) override { observer_ = observer; }
    void start(const platform::CheckRequest& request) override;
    void cancel(CheckId check) override;
    void forget(DaemonKey daemon) override;

  private:
    // What a checker is made with. Many daemons have the same.
    struct Options {
        const LoadedKind* kind = nullptr;
        std::string json;
        PluginConfig config;
    };
    struct Checker {
        std::shared_ptr<const Options> options;
        Instance* instance = nullptr;
        sysp_op op = 0;  // The newest one; an instance that still owes its completion is replaced.
    };
    struct Running {
        DaemonKey daemon;
        sysp_op op = 0;
        platform::TimerId deadline = 0;
        Instant began;
    };

    Result<std::shared_ptr<const Options>> options(const LoadedKind& kind, const std::string& json);
    Result<Checker*> checker(const platform::CheckRequest& request);
    void report_error(CheckId check, Error error);
    void stop_waiting(const Running& running);
    void expired(CheckId check);
    // Nobody has been at it for its whole time.
    bool unheard(const Running& running) const;
    void drop(DaemonKey daemon);
    void completed(Completion& completion) override;

    std::shared_ptr<HostCore> core_;
    const PluginCatalog& catalog_;
    Duration grace_;
    platform::CheckObserver* observer_ = nullptr;
    std::unordered_map<DaemonKey, Checker> checkers_;
    std::weak_ptr<const Options> latest_options_;
    std::unordered_map<CheckId, Running> running_;
};

}  // namespace syspulse::plugin_host
