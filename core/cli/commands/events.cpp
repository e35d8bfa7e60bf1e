// syspulse events
#include <array>
#include <ostream>

#include "base/exit_status.hpp"
#include "cli/commands/commands.hpp"
#include "cli/line_splitter.hpp"
#include "cli/selection.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{'f', "follow", "", "go on with new events as they happen"},
    OptionSpec{0, "daemon", "NAME",
               "only the events of this daemon, or of those that a pattern matches",
               ValueKind::daemon},
    OptionSpec{'n', "lines", "N",
               "only the last N events (default: 1000, with --since all; at most 10000)",
               ValueKind::count},
    OptionSpec{0, "since", "DURATION", "only what happened within this time, such as 10m",
               ValueKind::duration},
};

// "web running -> backoff", as much of it as there is.
std::string what_happened(const Context& context, const EventInfo& event) {
    std::string text = printable(event.kind);
    if (!event.from.empty()) {
        text += " " + printable(event.from) + " ->";
    }
    if (!event.to.empty()) {
        const std::string to = printable(event.to);
        text += " " + colored(context, state_color(to), to);
    }
    const std::string reason = printable(event.reason);
    // Many reasons are made of these.
    const auto also = [&](const std::string& part) {
        if (reason.find(part) == std::string::npos) {
            text += " " + part;
        }
    };
    if (!event.exit_signal.empty()) {
        also(printable(event.exit_signal));
    } else if (event.exit_code) {
        also("exit code " + exit_code_text(*event.exit_code));
    }
    if (event.pid && *event.pid != 0) {
        also("pid " + std::to_string(*event.pid));
    }
    return reason.empty() ? text : text + ": " + reason;
}

void show(Context& context, std::string_view line) {
    const auto event = decode_event(line);
    if (!event) {
        return;  // A blank line that keeps the connection open.
    }
    context.out << colored(context, Color::dim, printable(event->at)) << ' '
                << (event->daemon.empty() ? "syspulse" : printable(event->daemon)) << ' '
                << what_happened(context, *event) << '\n';
}

// What one request can give. Without --since the newest are meant, with it all.
constexpr std::size_t events_default = 1000;
constexpr std::size_t events_max = 10000;

std::size_t asked_for(const Arguments& arguments) {
    return arguments.has("since") ? events_max : events_default;
}

// By its place, as in other commands, or by the option.
std::optional<std::string> daemon_of(const Arguments& arguments) {
    return arguments.positionals.empty() ? arguments.text("daemon")
                                         : std::optional(arguments.positionals.front());
}

std::string target_of(const Arguments& arguments) {
    std::vector<std::pair<std::string, std::string>> list;
    if (arguments.has("follow")) {
        list.emplace_back("follow", "true");
    }
    if (const auto daemon = daemon_of(arguments)) {
        list.emplace_back("daemon", *daemon);
    }
    for (const char* name : {"since", "lines"}) {
        if (const auto value = arguments.text(name)) {
            list.emplace_back(name, *value);
        }
    }
    if (!arguments.has("lines")) {
        list.emplace_back("lines", std::to_string(asked_for(arguments)));
    }
    return "/v1/events" + query(list);
}

ExitCode run(Context& context, const Arguments& arguments) {
    if (!arguments.positionals.empty() && arguments.has("daemon")) {
        return report(context, usage_failure("the daemon is named twice: as NAME and by --daemon"));
    }
    auto connection = context.connect(context.globals);
    if (!connection) {
        return report(context, failure_of(connection.error()));
    }
    const bool follow = arguments.has("follow");
    std::vector<std::string> values;
    std::size_t count = 0;
    LineSplitter lines([&](std::string_view line) {
        const std::string text = trimmed(line);
        if (text.empty()) {
            return;
        }
        ++count;
        if (!context.json()) {
            show(context, text);
        } else if (follow) {
            context.out << text << '\n';
        } else {
            values.push_back(text);
        }
    });
    const auto response = (*connection)->stream(target_of(arguments), [&](std::string_view piece) {
        lines.feed(piece);
        context.out << std::flush;
        return context.out.good();  // Nobody reads it any more.
    });
    lines.finish();
    if (!response || response->status >= 400) {
        return report(context, response ? failure_of(*response) : failure_of(response.error()));
    }
    if (context.json() && !follow) {
        context.out << json_array(values) << '\n';
    }
    context.out << std::flush;
    if (!follow && !arguments.has("lines") && count >= asked_for(arguments) && !context.json()) {
        context.err << "syspulse: these are the last " << count << " events; for older ones "
                    << (arguments.has("since") ? "ask for a shorter time, or page with the API\n"
                                               : "see the options -n and --since\n");
    }
    return ExitCode::done;
}

}  // namespace

constinit const Command events_command{
    .name = "events",
    .summary = "show what happened to daemons",
    .positional = {"[NAME]", 0, 1, ValueKind::daemon},
    .options = options,
    .details =
        "The event history, oldest first: transitions, exits, changes of health, and what "
        "operators "
        "did; the reason of an action that was not done begins with refused. NAME is the same as "
        "--daemon NAME. With --format json an array, with -f one object a line.",
    .examples =
        "syspulse events\n"
        "syspulse events -f web\n"
        "syspulse events --since 1h --format json",
    .run = run,
};

}  // namespace syspulse::cli
