#include "manager/option_trials.hpp"

namespace syspulse::manager {

Result<void> OptionTrials::look(plugin_host::PluginHost& plugins, const std::string& checker,
                                const std::string& options_json) {
    const std::pair key(checker, options_json);
    if (const auto known = trials_.find(key); known != trials_.end()) {
        return known->second.outcome.value_or(Result<void>());
    }
    auto trial = plugins.foreign_trial(checker, options_json);
    if (!trial) return plugins.try_checker(checker, options_json);
    trials_.emplace(key, Trial{std::move(trial), std::nullopt});
    return {};
}

void OptionTrials::run(const std::stop_token& stop) {
    for (auto& [key, trial] : trials_) {
        if (stop.stop_requested()) return;
        if (!trial.outcome) trial.outcome = trial.run();
    }
}

}  // namespace syspulse::manager
