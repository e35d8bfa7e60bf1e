// syspulse list
#include <ostream>

#include "cli/commands/commands.hpp"
#include "cli/daemon_table.hpp"
#include "cli/selection.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

ExitCode show(Context& context, const Selection& selection, bool filters) {
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
    } else if (filters) {
        // A filter that leaves nothing is an answer, not an error.
        for (const NamedFailure& nothing : selection.failures) {
            context.err << printable_lines(nothing.failure.message) << '\n';
        }
    }
    return filters ? ExitCode::done : report(context, selection.failures);
}

ExitCode run(Context& context, const Arguments& arguments) {
    SelectionRequest wanted = selection_of(arguments);
    wanted.all = wanted.all || (wanted.names.empty() && wanted.tags.empty());
    wanted.need_daemons = true;
    const Selection selection = select(context, wanted);
    return selection.refused ? report(context, *selection.refused)
                             : show(context, selection, wanted.names.empty());
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
