// syspulse ping
#include <ostream>

#include "cli/call.hpp"
#include "cli/commands/commands.hpp"

namespace syspulse::cli {
namespace {

ExitCode run(Context& context, const Arguments&) {
    const Answer answer = call(context, {.target = "/v1/ping", .timeout = std::chrono::seconds{5}});
    if (!answer) {
        Failure failure = *answer.failure;
        if (failure.exit == ExitCode::timed_out) failure.exit = ExitCode::unreachable;
        return report(context, failure);
    }
    context.out << (context.json() ? "\"pong\"\n" : "pong\n") << std::flush;
    return ExitCode::done;
}

}  // namespace

constinit const Command ping_command{
    .name = "ping",
    .summary = "check that the manager answers",
    .positional = {},
    .options = {},
    .details = "Prints pong when the manager answers; exit code 3 when it does not.",
    .examples = "syspulse ping",
    .run = run,
};

}  // namespace syspulse::cli
