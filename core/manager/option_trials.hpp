// What checkers say of their options while a request is being read. A foreign checker is tried in a
// process of its own, which takes a while: the request is read once to learn what is to be tried,
// and again when that is known.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

class OptionTrials {
  public:
    // As config::LoadOptions::try_checker. What has to be tried first is accepted. [loop thread]
    Result<void> look(plugin_host::PluginHost& plugins, const std::string& checker,
                      const std::string& options_json);

    // Whether there is something to try.
    bool wanted() const { return !trials_.empty(); }
    // Tries everything once, or as much as there was time for. [any thread, but one at a time]
    void run(const std::stop_token& stop);

  private:
    struct Trial {
        std::function<Result<void>()> run;
        std::optional<Result<void>> outcome;
    };
    std::map<std::pair<std::string, std::string>, Trial> trials_;  // By checker and options.
};

}  // namespace syspulse::manager
