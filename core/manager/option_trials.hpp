// What checkers and drivers say of their options while a request is being read. A foreign one is
// tried in a process of its own, which takes a while: the request is read once to learn what is to
// be tried, and again when that is known.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "model/daemon_spec.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

class OptionTrials {
  public:
    // As config::LoadOptions::try_checker. What has to be tried first is accepted. [loop thread]
    Result<void> look(plugin_host::PluginHost& plugins, const std::string& checker,
                      const std::string& options_json);
    // As config::LoadOptions::try_driver, likewise.
    Result<void> look(plugin_host::PluginHost& plugins, const model::PluginChoice& driver,
                      const model::ResourceLimits& limits);

    // Whether there is something to try.
    bool wanted() const { return !trials_.empty(); }
    // Tries everything once, or as much as there was time for. [any thread, but one at a time]
    void run(const std::stop_token& stop);

  private:
    struct Trial {
        std::string plugin;
        plugin_host::ForeignTrial run;
        std::optional<Result<void>> outcome;
    };
    std::optional<Result<void>> known(const std::string& question) const;

    std::map<std::string, Trial> trials_;  // By plugin, options and, of a driver, limits.
    std::set<std::string> silent_;         // Those that have nothing to say to any options.
};

}  // namespace syspulse::manager
