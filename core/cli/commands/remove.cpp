// syspulse remove
#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include "cli/commands/commands.hpp"
#include "cli/concurrent.hpp"
#include "cli/selection.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "force", "", "stop daemons that are active, then remove them"},
};

// The daemons that none of the others depends on. All, when there is no such: dependencies form a
// cycle only if they changed since we asked, and then the manager decides.
std::vector<std::size_t> free_of_dependents(const std::vector<DaemonInfo>& daemons,
                                            const std::vector<std::size_t>& remaining) {
    std::vector<std::size_t> wave;
    for (const std::size_t candidate : remaining) {
        const bool needed = std::any_of(remaining.begin(), remaining.end(), [&](std::size_t other) {
            const auto& needs = daemons[other].depends_on;
            return std::find(needs.begin(), needs.end(), daemons[candidate].name) != needs.end();
        });
        if (!needed) {
            wave.push_back(candidate);
        }
    }
    return wave.empty() ? remaining : wave;
}

ExitCode run(Context& context, const Arguments& arguments) {
    SelectionRequest wanted = selection_of(arguments);
    wanted.need_daemons = wanted.names.size() > 1;
    const Selection selection = select(context, wanted);
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    const std::string suffix = arguments.has("force") ? "?force=true" : "";
    std::vector<Deed> deeds(selection.names.size());
    const auto remove_one = [&](std::size_t i) {
        const std::string& name = selection.names[i];
        deeds[i] = {name, call(context, {"DELETE", daemon_target(name, suffix), {}, std::nullopt})};
    };
    std::vector<std::size_t> remaining;
    for (std::size_t i = 0; i < deeds.size(); ++i) {
        remaining.push_back(i);
    }
    while (!remaining.empty()) {
        const auto wave = selection.daemons.empty()
                              ? remaining
                              : free_of_dependents(selection.daemons, remaining);
        for_each_concurrently(wave.size(), [&](std::size_t i) { remove_one(wave[i]); });
        std::vector<std::size_t> rest;
        std::set_difference(remaining.begin(), remaining.end(), wave.begin(), wave.end(),
                            std::back_inserter(rest));
        remaining = std::move(rest);
    }
    return tell(context, selection, deeds, [](const Deed&) { return std::string("removed"); });
}

}  // namespace

constinit const Command remove_command{
    .name = "remove",
    .summary = "unregister daemons",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = options,
    .selects = true,
    .details =
        "Forgets daemons; their log files stay, in logs/NAME of the data directory. Refused for a "
        "daemon that is active, unless "
        "--force, "
        "and for one that another depends on. Of several, dependents go first.",
    .examples =
        "syspulse remove web\n"
        "syspulse remove --force --tag old",
    .run = run,
};

}  // namespace syspulse::cli
