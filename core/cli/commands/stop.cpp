// syspulse stop
#include <array>

#include "cli/commands/commands.hpp"
#include "cli/commands/lifecycle.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "force", "", "kill at once instead of asking the daemon to stop"},
    OptionSpec{0, "timeout", "SECS", "kill after this long (default: the spec's stop_timeout_secs)",
               ValueKind::seconds},
};

bool there_already(std::string_view state) {
    return state == "stopped" || state == "failed";
}

ExitCode run(Context& context, const Arguments& arguments) {
    std::string body = arguments.has("force") ? "{\"force\":true" : "{\"force\":false";
    if (const auto timeout = arguments.duration("timeout")) {
        body += ",\"timeout_secs\":" + seconds_text(*timeout);
    }
    body += "}";
    // The manager kills at the stop timeout, so an answer comes; how late is the spec's matter.
    const auto request = [&](const std::string& name) {
        return Call{"POST", daemon_target(name, "/stop"), body, std::nullopt};
    };
    return perform_towards(context, arguments, there_already, request, [](const Deed& deed) {
        return outcome(deed, "stopped") + taken_along(deed);
    });
}

}  // namespace

constinit const Command stop_command{
    .name = "stop",
    .summary = "stop daemons",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = options,
    .selects = true,
    .details =
        "Sends the stop signal, waits until the "
        "daemon has ended, and kills it with everything it "
        "started when it takes too long. A process that a signal has stopped is let go on, so that "
        "it can heed the stop signal. Several daemons stop at the same time, dependents before "
        "what they depend on; those that are stopped along with a daemon that they need are told, "
        "too. "
        "One that waits in back-off stays "
        "down. Stopping one that does not run is a conflict when it is asked for by name, and no "
        "error when a pattern, --tag or --all selects it.",
    .examples =
        "syspulse stop web\n"
        "syspulse stop --timeout 5 'worker-*'\n"
        "syspulse stop --force --all",
    .run = run,
};

}  // namespace syspulse::cli
