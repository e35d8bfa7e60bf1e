// syspulse list
#include <ostream>

#include "cli/commands/commands.hpp"
#include "cli/daemon_table.hpp"
#include "cli/selection.hpp"

namespace syspulse::cli {
namespace {

ExitCode show(Context& context, const Selection& selection) {
    if (context.json()) {
        std::vector<std::string> bodies;
        for (const DaemonInfo& daemon : selection.daemons) {
            bodies.push_back(daemon.raw);
        }
        context.out << json_array(bodies) << '\n' << std::flush;
    } else if (context.globals.quiet) {
        print_names(context, selection.daemons);
    } else if (!selection.daemons.empty()) {
        print_list_table(context, selection.daemons);
    } else if (selection.failures.empty()) {
        context.err << "no daemons; add some with: syspulse add -f FILE\n";
    }
    return report(context, selection.failures);
}

ExitCode run(Context& context, const Arguments& arguments) {
    SelectionRequest wanted = selection_of(arguments);
    wanted.all = wanted.all || (wanted.names.empty() && wanted.tags.empty());
    wanted.need_daemons = true;
    Selection selection = select(context, wanted);
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    // A filter that leaves nothing is an answer, not an error.
    if (wanted.names.empty()) {
        selection.failures.clear();
    }
    return show(context, selection);
}

}  // namespace

constinit const Command list_command{
    .name = "list",
    .summary = "list daemons",
    .positional = {"[NAME...]", 0, any_number, ValueKind::daemon},
    .options = {},
    .selects = true,
    .details =
        "A table of all daemons, or of those selected. With -q only their names, one a line.",
    .examples =
        "syspulse list\n"
        "syspulse list --tag web\n"
        "syspulse list -q | xargs -n1 syspulse spec",
    .run = run,
};

}  // namespace syspulse::cli
