// syspulse start
#include <array>

#include "cli/commands/commands.hpp"
#include "cli/commands/lifecycle.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "wait", "", "return when running and, where there is a health check, healthy"},
    OptionSpec{0, "timeout", "SECS", "give up waiting after this long (default: 60)",
               ValueKind::seconds},
};

ExitCode run(Context& context, const Arguments& arguments) {
    const Selection selection = select(context, selection_of(arguments));
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    const WaitLimits limits = wait_limits(arguments);
    const auto request = [&](const std::string& name) {
        return Call{"POST", daemon_target(name, "/start"), wait_body(arguments, limits),
                    limits.request};
    };
    return perform(context, selection, request,
                   [](const Deed& deed) { return outcome(deed, "started"); });
}

}  // namespace

constinit const Command start_command{
    .name = "start",
    .summary = "start daemons",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = options,
    .selects = true,
    .details =
        "Starts daemons, dependencies first. Starting one that runs already is no error; one that "
        "waits in back-off starts at once.",
    .examples =
        "syspulse start web\n"
        "syspulse start --wait --timeout 20 db web\n"
        "syspulse start --tag prod",
    .run = run,
};

}  // namespace syspulse::cli
