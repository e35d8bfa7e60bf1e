// syspulse pause and syspulse resume
#include "cli/commands/commands.hpp"
#include "cli/selection.hpp"

namespace syspulse::cli {
namespace {

ExitCode hold(Context& context, const Arguments& arguments, const std::string& action,
              const std::string& done) {
    const Selection selection = select(context, selection_of(arguments));
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    const auto request = [&](const std::string& name) {
        return Call{"POST", daemon_target(name, "/" + action), "{}"};
    };
    return perform(context, selection, request, [&](const Deed&) { return done; });
}

ExitCode pause(Context& context, const Arguments& arguments) {
    return hold(context, arguments, "pause", "paused");
}

ExitCode resume(Context& context, const Arguments& arguments) {
    return hold(context, arguments, "resume", "resumed");
}

}  // namespace

constinit const Command pause_command{
    .name = "pause",
    .summary = "hold running daemons still",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = {},
    .selects = true,
    .details =
        "Holds the daemon and all that it started still until it is resumed, also across a restart "
        "of the manager. It keeps its state and its memory; health checks wait meanwhile. A stop "
        "lets it go on first. Needs a driver that can do this, such as cgroup or job.",
    .examples =
        "syspulse pause web\n"
        "syspulse pause --tag batch",
    .run = pause,
};

constinit const Command resume_command{
    .name = "resume",
    .summary = "let paused daemons go on",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = {},
    .selects = true,
    .details =
        "Also one that is held, or a part of it, without being shown as paused: its cgroup was "
        "frozen by hand, or a manager was lost in the middle of a pause. What runs goes on.",
    .examples =
        "syspulse resume web\n"
        "syspulse resume --tag batch",
    .run = resume,
};

}  // namespace syspulse::cli
