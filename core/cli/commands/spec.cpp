// syspulse spec
#include <ostream>
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/selection.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

std::string shown(const Context& context, const std::string& body) {
    return context.json() ? trimmed(body) : indented(body);
}

// Several as `add` takes them.
ExitCode run(Context& context, const Arguments& arguments) {
    const Selection selection = select(context, selection_of(arguments));
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    std::vector<NamedFailure> failures = selection.failures;
    std::string specs;
    for (const std::string& name : selection.names) {
        const Answer answer = call(context, {.target = daemon_target(name, "/spec")});
        if (!answer) {
            failures.push_back({name, *answer.failure});
        } else if (selection.single) {
            specs = answer.body;
        } else {
            specs += (specs.empty() ? "" : ",") + json_string(name) + ":" + trimmed(answer.body);
        }
    }
    if (!selection.single && (!specs.empty() || failures.empty())) {
        specs = "{\"daemons\":{" + specs + "}}";
    }
    if (!specs.empty()) {
        context.out << shown(context, specs) << '\n' << std::flush;
    }
    return report(context, failures);
}

}  // namespace

constinit const Command spec_command{
    .name = "spec",
    .summary = "show the spec of daemons as the manager has it",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = {},
    .selects = true,
    .details =
        "Prints the spec as JSON with every default filled in; several, or those that a pattern "
        "matches, in the form that add takes.",
    .examples =
        "syspulse spec web\n"
        "syspulse spec 'web-*'",
    .run = run,
};

}  // namespace syspulse::cli
