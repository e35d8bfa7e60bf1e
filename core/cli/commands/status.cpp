// syspulse status
#include <ostream>
#include <utility>

#include "cli/commands/commands.hpp"
#include "cli/daemon_detail.hpp"
#include "cli/daemon_table.hpp"
#include "cli/selection.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

constexpr const char* log_lines = "5";
constexpr const char* events_searched = "100";  // For the last ends.

ExitCode show_one(Context& context, const std::string& name) {
    const auto connection = context.connect(context.globals);
    if (!connection) {
        return report(context, failure_of(connection.error()));
    }
    const Answer answer = call(**connection, {.target = daemon_target(name, "?lines=true")});
    if (!answer) {
        return report(context, *answer.failure);
    }
    if (context.json()) {
        context.out << trimmed(answer.body) << '\n' << std::flush;
        return ExitCode::done;
    }
    const auto daemon = decode_daemon(answer.body);
    if (!daemon) {
        return report(context, failure_of(daemon.error()));
    }
    if (context.globals.quiet) {
        print_names(context, {*daemon});
        return ExitCode::done;
    }
    // What cannot be had, from an older manager for example, is left out.
    const auto more = [&](const std::string& target) {
        const Answer part = call(**connection, {.target = target});
        return part ? part.body : std::string();
    };
    const std::string spec = more(daemon_target(name, "/spec"));
    const std::string events =
        more("/v1/events" + query({{"daemon", name}, {"lines", events_searched}}));
    const std::string logs =
        more(daemon_target(name, "/logs" + query({{"lines", log_lines}, {"stream", "all"}})));
    print_fields(context, describe_daemon({answer.body, spec, events, logs}, context.now().wall));
    return ExitCode::done;
}

ExitCode show_many(Context& context, const Selection& selection) {
    if (context.json()) {
        std::vector<std::string> bodies;
        for (const DaemonInfo& daemon : selection.daemons) {
            bodies.push_back(daemon.raw);
        }
        context.out << json_array(bodies) << '\n' << std::flush;
    } else if (context.globals.quiet) {
        print_names(context, selection.daemons);
    } else if (!selection.daemons.empty()) {
        print_status_table(context, selection.daemons);
    } else if (selection.failures.empty()) {
        context.err << "no daemons; add some with: syspulse add -f FILE\n";
    }
    return report(context, selection.failures);
}

ExitCode run(Context& context, const Arguments& arguments) {
    SelectionRequest wanted = selection_of(arguments);
    if (wanted.names.empty() && wanted.tags.empty()) {
        wanted.all = true;
    }
    if (wanted.names.size() == 1 && wanted.tags.empty() && !wanted.all &&
        !is_pattern(wanted.names[0])) {
        return show_one(context, wanted.names[0]);
    }
    wanted.need_daemons = true;
    const Selection selection = select(context, wanted);
    return selection.refused ? report(context, *selection.refused) : show_many(context, selection);
}

}  // namespace

constinit const Command status_command{
    .name = "status",
    .summary = "show how daemons are doing",
    .positional = {"[NAME...]", 0, any_number, ValueKind::daemon},
    .options = {},
    .selects = true,
    .details =
        "A table of all daemons, or of those selected; one NAME alone gives everything known about "
        "it: state, last exit, last health check, resource use, command, policies, the last lines "
        "of "
        "output, and that it was replaced by what only a restart applies. With --format json one "
        "NAME gives an object, everything else an array of them.",
    .examples =
        "syspulse status\n"
        "syspulse status web\n"
        "syspulse status --tag prod --format json",
    .run = run,
};

}  // namespace syspulse::cli
