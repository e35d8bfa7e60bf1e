// syspulse schedule
#include "model/schedule.hpp"

#include <array>
#include <ostream>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"

namespace syspulse::cli {
namespace {

constexpr std::uint64_t count_default = 5;

constexpr std::array options{
    OptionSpec{0, "from", "RFC3339", "begin after this moment (default: now)", ValueKind::text},
    OptionSpec{0, "timezone", "TZ",
               "zone of the expression, such as Europe/Berlin (default: local)", ValueKind::text},
    OptionSpec{'n', "count", "N", "how many times to print (default: 5)", ValueKind::count},
};

// RFC 3339 in UTC; milliseconds only where there are some.
std::string moment(WallTime t) {
    std::string text = format_rfc3339(t);
    if (const auto fraction = text.find(".000Z"); fraction != std::string::npos) {
        text.replace(fraction, 5, "Z");
    }
    return text;
}

ExitCode run(Context& context, const Arguments& arguments) {
    WallTime from{};
    if (const auto text = arguments.text("from")) {
        const auto parsed = parse_rfc3339(*text);
        if (!parsed) {
            return report(context, usage_failure("--from: " + parsed.error().message));
        }
        from = *parsed;
    } else {
        from = context.now().wall;
    }
    const auto schedule =
        model::Schedule::parse(arguments.positionals[0], arguments.text("timezone").value_or(""));
    if (!schedule) {
        return report(context, usage_failure(schedule.error().message));
    }
    std::vector<std::string> times;
    const std::uint64_t wanted = arguments.count("count").value_or(count_default);
    WallTime after = from;
    while (times.size() < wanted) {
        const auto next = schedule->next(after, from);
        if (!next) {
            break;
        }
        times.push_back(context.json() ? json_string(moment(*next)) : moment(*next));
        after = *next;
    }
    if (context.json()) {
        context.out << json_array(times) << '\n';
    }
    for (const std::string& time : context.json() ? std::vector<std::string>{} : times) {
        context.out << time << '\n';
    }
    context.out << std::flush;
    if (times.empty() && schedule->at_start() && !context.globals.quiet) {
        context.err << "fires once, when the manager starts\n";
    }
    return ExitCode::done;
}

}  // namespace

constinit const Command schedule_command{
    .name = "schedule",
    .summary = "print the next times at which a schedule fires",
    .positional = {"EXPR", 1, 1, ValueKind::text},
    .options = options,
    .details =
        "Works without a manager. EXPR is one argument: five cron fields, or six with leading "
        "seconds, or @daily, @every 90s and so on; see syspulse.yaml(5). @every counts from "
        "--from. "
        "Times are printed one a line, in RFC 3339 and UTC.",
    .examples =
        "syspulse schedule '*/15 * * * *'\n"
        "syspulse schedule '0 3 * * *' --timezone Europe/Berlin -n 10\n"
        "syspulse schedule @monthly --from 2026-01-01T00:00:00Z",
    .run = run,
};

}  // namespace syspulse::cli
