// syspulse start
#include <array>

#include "cli/commands/commands.hpp"
#include "cli/commands/lifecycle.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "wait", "", "return when running and, where there is a health check, healthy"},
    OptionSpec{0, "timeout", "SECS",
               "give up waiting after this long, for all daemons together (default: 60)",
               ValueKind::seconds},
};

bool there_already(std::string_view state) {
    return state == "starting" || state == "running";
}

ExitCode run(Context& context, const Arguments& arguments) {
    const WaitLimits limits(context, arguments);
    const auto request = [&](const std::string& name) {
        return Call{"POST", daemon_target(name, "/start"), limits.body(), limits.request()};
    };
    return perform_towards(
        context, arguments, there_already, request,
        [](const Deed& deed) { return outcome(deed, "started"); }, limits.limited(),
        limits.until_ready());
}

}  // namespace

constinit const Command start_command{
    .name = "start",
    .summary = "start daemons",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = options,
    .selects = true,
    .details =
        "Starts daemons, dependencies first. One that waits in back-off starts "
        "at once. Starting one that runs already is a conflict when it is asked for by name, and "
        "no error when a pattern, --tag or --all selects it. With --wait one that is starting "
        "already is waited for, and the next try decides: when the daemon cannot be started, ends "
        "before it is ready, or turns unhealthy, that is told and the restart policy goes on by "
        "itself; dependencies are waited for as long as they are tried. Of several that are waited "
        "for, "
        "each is told as soon as it is there. A daemon whose start the registry cannot record, on "
        "a "
        "full disk for example, is not started. One whose last start failed without a word of its "
        "driver begins as soon as that says that nothing is left of it.",
    .examples =
        "syspulse start web\n"
        "syspulse start --wait --timeout 20 db web\n"
        "syspulse start --tag prod",
    .run = run,
};

}  // namespace syspulse::cli
