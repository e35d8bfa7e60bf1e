// syspulse restart
#include <array>

#include "cli/commands/commands.hpp"
#include "cli/commands/lifecycle.hpp"
#include "cli/kept_output.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "force", "", "kill at once instead of asking the daemon to stop"},
    OptionSpec{0, "wait", "",
               "return when running again and, where there is a health check, healthy"},
    OptionSpec{0, "timeout", "SECS",
               "give up waiting after this long, for all daemons together (default: 60)",
               ValueKind::seconds},
};

ExitCode run(Context& context, const Arguments& arguments) {
    const Selection selection = select(context, selection_of(arguments));
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    const WaitLimits limits(context, arguments);
    const auto request = [&](const std::string& name) {
        return Call{"POST", daemon_target(name, "/restart"), limits.body(), limits.request()};
    };
    Deeds deeds(
        context, selection, [](const Deed& deed) { return outcome(deed, "restarted"); },
        limits.limited());
    deeds.each([&](std::size_t, Deed& deed) { deed.answer = call(context, request(deed.name)); });
    const ExitCode code = deeds.tell();
    if (limits.until_ready()) point_at_logs(context, deeds.in_vain());
    return code;
}

}  // namespace

constinit const Command restart_command{
    .name = "restart",
    .summary = "stop daemons and start them again",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = options,
    .selects = true,
    .details =
        "Stops and starts. A daemon that does not run is started. --timeout limits the whole of "
        "it; "
        "what was begun goes on when it is over. When the registry cannot record the start, the "
        "daemon is left as it is; so is one that runs with options that its driver does not take "
        "any "
        "more. Daemons that depend on it are not restarted.",
    .examples =
        "syspulse restart web\n"
        "syspulse restart --wait 'web-*'",
    .run = run,
};

}  // namespace syspulse::cli
