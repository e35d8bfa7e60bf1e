// Plugins as the rest of the core sees them: a catalog, and the two runners that driver and checker
// plugins implement. No type of the plugin ABI passes this header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/plugin_calls.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "model/misbehaviour.hpp"
#include "platform/check_runner.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/process_runner.hpp"
#include "plugin_host/isolation/policy.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

struct HostOptions {
    std::vector<std::filesystem::path> search_paths;  // Directories, first one first.
    SchemaCheck schema_check;                         // Empty: schemas are not looked at.
    OptionsCompletion complete_options;               // Empty: options are complete.
    Duration operation_deadline =
        std::chrono::seconds{10};  // Of spawn, signal, recover, inspect, stats.
    // Beyond a check's own timeout; less than the engine waits, which cannot tell whose fault it
    // is.
    Duration check_grace = std::chrono::milliseconds{900};
    std::optional<IsolationOptions> isolation;  // Absent: everything runs in this process.
    PluginCalls* calls = nullptr;  // Where calls into plugins are marked; outlives the process.
    std::size_t worker_limit = 0;  // Threads for blocking plugin code; 0: four per CPU, at least 8.
};

using model::Misbehaviour;

// Who looks after what is declared, while files of plugins change. [loop thread]
struct VersionWatch {
    // Whether a version that is to take over suits what is declared; its error refuses the reload.
    std::function<Result<void>(const PluginInfo& fresh)> suits;
    // A fresh process runs this now; the catalog tells the same.
    std::function<void(const PluginInfo& before, const PluginInfo& fresh, Takeover how)> started;
};

// False: the plugin has nothing to say to any options.
using ForeignTrial = std::function<Result<bool>()>;

// [loop thread] unless said otherwise.
class PluginHost {
  public:
    // Loads the plugins. A plugin that cannot be loaded is in the catalog with its error.
    static Result<std::unique_ptr<PluginHost>> create(platform::EventLoop& loop,
                                                      const platform::Clock& clock,
                                                      HostOptions options);
    virtual ~PluginHost() = default;

    virtual const PluginCatalog& catalog() const = 0;
    virtual platform::ProcessRunner& processes() = 0;
    virtual platform::CheckRunner& checks() = 0;

    // Has the checker take `options_json`, which its schema allows: what only the plugin can tell,
    // such as whether a regular expression is one. Its error begins with a JSON pointer if it is
    // about one option. Blocks while a foreign checker is tried.
    virtual Result<void> try_checker(const std::string& checker,
                                     const std::string& options_json) = 0;

    // The same for a foreign checker, which a process is started for, so that it can be done where
    // it holds up nobody: the function may be called on any thread, also when the host is gone.
    // Empty for a checker that runs in this process, or that there is not.
    virtual ForeignTrial foreign_trial(const std::string& checker,
                                       const std::string& options_json) const = 0;

    // The same for a driver and what a daemon's spec asks of it; a limit is
    // "/resource_limits/NAME". Blocks while a foreign driver is tried.
    virtual Result<void> try_driver(const std::string& driver, const std::string& options_json,
                                    const platform::ProcessLimits& limits) = 0;
    // As of a checker.
    virtual ForeignTrial foreign_trial(const std::string& driver, const std::string& options_json,
                                       const platform::ProcessLimits& limits) const = 0;

    // Whether a driver has this process as its own; whoever reaps orphans leaves those alone.
    virtual bool owns_pid(std::int64_t pid) const = 0;

    // Of all plugins, wherever they run.
    virtual Misbehaviour misbehaviour() const = 0;

    // The process of an isolated plugin; nothing for any other.
    virtual std::optional<HostStatus> host(std::string_view plugin_id) const = 0;

    virtual void watch_versions(VersionWatch watch) = 0;

    // Starts a fresh process from the plugin's present file, which takes over what the old one
    // holds: daemons go on running. With `force` also if the watch says that it does not suit them.
    // `done` is called later, never from inside the call.
    virtual void reload(const std::string& plugin_id, bool force,
                        std::function<void(Result<void>)> done) = 0;

    // The ids of loaded plugins whose files are not what runs any more.
    virtual std::vector<std::string> changed_files() const = 0;

    // Reloads every isolated plugin whose file was replaced; gives their ids.
    virtual std::vector<std::string> reload_changed() = 0;
};

}  // namespace syspulse::plugin_host
