#include "manager/option_trials.hpp"

#include "manager/known_plugins.hpp"

namespace syspulse::manager {

std::optional<Result<void>> OptionTrials::known(const std::string& question) const {
    const auto found = trials_.find(question);
    if (found == trials_.end()) return std::nullopt;
    return found->second.outcome.value_or(Result<void>());
}

Result<void> OptionTrials::look(plugin_host::PluginHost& plugins, const std::string& checker,
                                const std::string& options_json) {
    const std::string question = "checker " + checker + ' ' + options_json;
    if (const auto said = known(question)) return *said;
    auto trial = plugins.foreign_trial(checker, options_json);
    if (!trial) return plugins.try_checker(checker, options_json);
    trials_.emplace(question, Trial{"checker " + checker, std::move(trial), std::nullopt});
    return {};
}

Result<void> OptionTrials::look(plugin_host::PluginHost& plugins, const model::PluginChoice& driver,
                                const model::ResourceLimits& limits) {
    const platform::ProcessLimits wanted = process_limits(limits);
    const std::string question = question_of(driver, wanted);
    if (const auto said = known(question)) return *said;
    auto trial = plugins.foreign_trial(driver.type, driver.options_json, wanted);
    if (!trial) return plugins.try_driver(driver.type, driver.options_json, wanted);
    trials_.emplace(question, Trial{"driver " + driver.type, std::move(trial), std::nullopt});
    return {};
}

void OptionTrials::run(const std::stop_token& stop) {
    for (auto& [question, trial] : trials_) {
        if (stop.stop_requested()) return;
        if (trial.outcome || silent_.count(trial.plugin) != 0) continue;
        const auto tried = trial.run();
        if (tried && !*tried) silent_.insert(trial.plugin);
        trial.outcome = tried ? Result<void>() : Result<void>(tried.error());
    }
}

}  // namespace syspulse::manager
