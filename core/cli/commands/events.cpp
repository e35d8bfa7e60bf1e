// syspulse events
#include <array>
#include <ostream>
#include <utility>

#include "base/exit_status.hpp"
#include "cli/across_managers.hpp"
#include "cli/call.hpp"
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

void show(Context& context, const EventInfo& event) {
    context.out << colored(context, Color::dim, printable(event.at)) << ' '
                << (event.daemon.empty() ? "syspulse" : printable(event.daemon)) << ' '
                << what_happened(context, event) << '\n';
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

// Events as they come, over as many requests as it takes.
class Listing {
  public:
    Listing(Context& context, const Arguments& arguments)
        : context_(context),
          arguments_(arguments),
          follow_(arguments.has("follow")),
          objects_(context.json()),
          begun_(context.now().wall) {}

    Result<Response> run() {
        if (!follow_) return stream();
        auto reached = context_.connect(context_.globals);
        if (!reached) return reached.error();
        // Where nothing has happened yet, nothing else tells that there is a manager.
        auto pong = (*reached)->request("GET", "/v1/ping", {}, Call{}.timeout);
        if (!pong) return pong;
        return across_managers(context_, [this](bool& heard) {
            heard = !again_;
            auto response = stream();
            again_ = true;
            heard = heard || std::exchange(heard_, false);
            return response;
        });
    }

    std::size_t count() const { return count_; }
    const std::vector<std::string>& values() const { return values_; }

  private:
    Result<Response> stream() {
        auto response = stream_once();
        // A manager of an older version.
        if (response && response->status == 400 && std::exchange(objects_, false))
            return stream_once();
        return response;
    }

    Result<Response> stream_once() {
        auto connection = context_.connect(context_.globals);
        if (!connection) return connection.error();
        // What is cut off comes once more.
        LineSplitter lines([this](std::string_view line) { take(trimmed(line)); });
        auto response = (*connection)->stream(target(), [&](std::string_view piece) {
            heard_ = true;
            lines.feed(piece);
            context_.out << std::flush;
            return context_.out.good();  // Nobody reads it any more.
        });
        if (response) lines.finish();
        return response;
    }

    std::string target() const {
        std::vector<std::pair<std::string, std::string>> list;
        if (follow_) list.emplace_back("follow", "true");
        if (const auto daemon = daemon_of(arguments_)) list.emplace_back("daemon", *daemon);
        if (again_) {
            if (last_ != 0) list.emplace_back("after", std::to_string(last_));
            if (last_ == 0) list.emplace_back("since", format_rfc3339(begun_));
            list.emplace_back("lines", std::to_string(events_max));
        } else {
            if (const auto since = arguments_.text("since")) list.emplace_back("since", *since);
            const auto lines = arguments_.text("lines");
            list.emplace_back("lines", lines.value_or(std::to_string(asked_for(arguments_))));
        }
        if (objects_) list.emplace_back("objects", "true");
        return "/v1/events" + query(list);
    }

    void take(const std::string& text) {
        const auto event = decode_event(text);
        if (!event) return;  // A blank line that keeps the connection open.
        ++count_;
        last_ = event->id;
        if (!context_.json()) {
            show(context_, *event);
        } else if (follow_) {
            context_.out << text << '\n';
        } else {
            values_.push_back(text);
        }
    }

    Context& context_;
    const Arguments& arguments_;
    const bool follow_;
    bool objects_;        // Whether the daemon's object is asked for, too.
    bool again_ = false;  // Those before have gone.
    bool heard_ = false;
    WallTime begun_;
    std::int64_t last_ = 0;  // The id of the newest event so far.
    std::size_t count_ = 0;
    std::vector<std::string> values_;
};

ExitCode run(Context& context, const Arguments& arguments) {
    if (!arguments.positionals.empty() && arguments.has("daemon")) {
        return report(context, usage_failure("the daemon is named twice: as NAME and by --daemon"));
    }
    Listing listing(context, arguments);
    const auto response = listing.run();
    if (!response || response->status >= 400) {
        return report(context, response ? failure_of(*response) : failure_of(response.error()));
    }
    const bool follow = arguments.has("follow");
    if (context.json() && !follow) {
        context.out << json_array(listing.values()) << '\n';
    }
    context.out << std::flush;
    if (!follow && !arguments.has("lines") && listing.count() >= asked_for(arguments) &&
        !context.json()) {
        context.err << "syspulse: these are the last " << listing.count()
                    << " events; for older ones "
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
        "operators did; the reason of an action that was not done begins with refused. NAME is the "
        "same as "
        "--daemon NAME. With --format json an array, with -f one object a line; "
        "daemon_object in each is the daemon as it stands when the event is told, null once it is "
        "removed. -f goes on with the next manager, and ends with 3 when none comes within 10 s.",
    .examples =
        "syspulse events\n"
        "syspulse events -f web\n"
        "syspulse events --since 1h --format json",
    .run = run,
};

}  // namespace syspulse::cli
