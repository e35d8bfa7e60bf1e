// syspulse shutdown
#include <array>
#include <ostream>

#include "cli/call.hpp"
#include "cli/commands/commands.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "keep-running", "",
               "leave the daemons running; the next manager takes them over"},
};

// Stopping daemons takes as long as they take, so this ends when the endpoint is gone, not at a
// deadline. Only for a manager whose process cannot be watched.
void wait_until_gone(const Context& context) {
    constexpr Duration between_looks = std::chrono::milliseconds{20};
    for (;;) {
        const Answer answer =
            call(context, {.target = "/v1/ping", .timeout = std::chrono::seconds{5}});
        if (!answer && answer.failure->exit == ExitCode::unreachable) {
            return;
        }
        context.pause(between_looks);
    }
}

ExitCode run(Context& context, const Arguments& arguments) {
    const bool keep = arguments.has("keep-running");
    const auto ended = context.watch_manager(context.globals);
    const Answer answer = call(
        context, {"POST", "/v1/shutdown",
                  keep ? "{\"keep_running\":true}" : "{\"keep_running\":false}", std::nullopt});
    if (!answer) {
        return report(context, *answer.failure);
    }
    if (ended) {
        (*ended)();
    } else {
        wait_until_gone(context);
    }
    if (context.json()) {
        context.out << "{\"keep_running\":" << (keep ? "true" : "false") << "}\n" << std::flush;
    } else if (!context.globals.quiet) {
        context.out << (keep ? "manager stopped, daemons keep running\n"
                             : "manager and daemons stopped\n")
                    << std::flush;
    }
    return ExitCode::done;
}

}  // namespace

constinit const Command shutdown_command{
    .name = "shutdown",
    .summary = "stop the manager",
    .positional = {},
    .options = options,
    .details =
        "Stops all daemons, dependents first, then the manager, and returns when its process is "
        "gone.",
    .examples =
        "syspulse shutdown\n"
        "syspulse shutdown --keep-running",
    .run = run,
};

}  // namespace syspulse::cli
