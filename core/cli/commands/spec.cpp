// syspulse spec
#include <ostream>

#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

ExitCode run(Context& context, const Arguments& arguments) {
    const Answer answer =
        call(context, {.target = daemon_target(arguments.positionals[0], "/spec")});
    if (!answer) {
        return report(context, *answer.failure);
    }
    context.out << (context.json() ? trimmed(answer.body) : indented(answer.body)) << '\n'
                << std::flush;
    return ExitCode::done;
}

}  // namespace

constinit const Command spec_command{
    .name = "spec",
    .summary = "show the spec of a daemon as the manager has it",
    .positional = {"NAME", 1, 1, ValueKind::daemon},
    .options = {},
    .details = "Prints the spec as JSON with every default filled in.",
    .examples = "syspulse spec web",
    .run = run,
};

}  // namespace syspulse::cli
