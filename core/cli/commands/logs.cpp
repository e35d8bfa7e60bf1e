// syspulse logs
#include <algorithm>
#include <array>
#include <mutex>
#include <ostream>
#include <thread>
#include <utility>

#include "cli/across_managers.hpp"
#include "cli/commands/commands.hpp"
#include "cli/concurrent.hpp"
#include "cli/kept_output.hpp"
#include "cli/line_splitter.hpp"
#include "cli/marked_text.hpp"
#include "cli/selection.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

constexpr std::uint64_t lines_default = 50;

constexpr std::array options{
    OptionSpec{'n', "lines", "N", "how many of the last lines to show (default: 50)",
               ValueKind::count},
    OptionSpec{'f', "follow", "", "go on with new lines, across rotation and restarts"},
    OptionSpec{0, "since", "DURATION",
               "only what came within this time, such as 10m; all of it unless -n",
               ValueKind::duration},
    OptionSpec{0, "stderr", "", "show standard error instead of standard output"},
    OptionSpec{0, "all-streams", "", "show both, merged"},
};

const char* stream_of(const Arguments& arguments) {
    return arguments.has("all-streams") ? "all" : arguments.has("stderr") ? "stderr" : "stdout";
}

std::string parameters(const Arguments& arguments, bool marks = false) {
    std::vector<std::pair<std::string, std::string>> list;
    const auto lines = arguments.count("lines");
    if (lines || !arguments.has("since")) {
        list.emplace_back("lines", std::to_string(lines.value_or(lines_default)));
    }
    list.emplace_back("stream", stream_of(arguments));
    if (const auto since = arguments.text("since")) {
        list.emplace_back("since", *since);
    }
    if (arguments.has("follow")) {
        list.emplace_back("follow", "true");
    }
    if (marks) {
        list.emplace_back("marks", "true");
    }
    return query(list);
}

// Where the lines of several daemons meet. Lines are the daemon's own bytes and pass unchanged, as
// from tail(1), but for a carriage return before their end. [any thread]
class LineSink {
  public:
    LineSink(Context& context, const std::vector<std::string>& names, bool streaming)
        : context_(context), names_(names), streaming_(streaming) {
        for (const std::string& name : names) {
            width_ = std::max(width_, display_width(name));
        }
    }

    void line(std::size_t which, std::string_view text) {
        const std::lock_guard lock(mutex_);
        if (context_.json()) {
            json_line(which, text);
            return;
        }
        if (names_.size() > 1) {
            constexpr std::array colors{Color::cyan, Color::yellow, Color::green, Color::magenta,
                                        Color::blue};
            const std::string label =
                names_[which] + std::string(width_ - display_width(names_[which]), ' ') + " | ";
            context_.out << colored(context_, colors[which % colors.size()], label);
        }
        context_.out << text << '\n';
    }

    // Whether the output is to be taken as it is, without a label before each line.
    bool is_plain() const { return !context_.json() && names_.size() == 1; }
    void plain(std::string_view bytes) {
        if (bytes.empty()) return;
        if (return_waits_ && bytes.front() != '\n') context_.out << '\r';
        line_is_open_ = bytes.back() != '\n';
        return_waits_ = bytes.back() == '\r';
        if (return_waits_) bytes.remove_suffix(1);
        for (auto end = bytes.find("\r\n"); end != std::string_view::npos;
             end = bytes.find("\r\n")) {
            context_.out << bytes.substr(0, end);
            bytes.remove_prefix(end + 1);
        }
        context_.out << bytes;
    }

    // False when nobody reads it any more.
    bool flush() {
        const std::lock_guard lock(mutex_);
        context_.out << std::flush;
        return context_.out.good();
    }

    // At once, for followers: others may last for ever.
    void tell(std::size_t which, const Failure& failure) {
        const std::lock_guard lock(mutex_);
        const std::array one{NamedFailure{names_[which], failure}};
        worst_ = worst(worst_, report(context_, one));
    }
    ExitCode worst_told() const { return worst_; }

    // For who would wonder at the silence.
    void tell_not_captured(std::size_t which) {
        if (context_.json() || context_.globals.quiet) return;
        const std::lock_guard lock(mutex_);
        context_.err << "syspulse: " << printable(names_[which])
                     << ": its output is not captured, as its spec has log_config: {capture: "
                        "false}\n"
                     << std::flush;
    }

    void finish() {
        if (context_.json() && !streaming_) {
            context_.out << json_array(values_) << '\n';
        }
        if (return_waits_) context_.out << '\r';
        if (line_is_open_) context_.out << '\n';
        context_.out << std::flush;
    }

  private:
    void json_line(std::size_t which, std::string_view text) {
        std::string value =
            "{\"daemon\":" + json_string(names_[which]) + ",\"line\":" + json_string(text) + "}";
        if (streaming_) {
            context_.out << value << '\n';
        } else {
            values_.push_back(std::move(value));
        }
    }

    Context& context_;
    const std::vector<std::string>& names_;
    bool streaming_;
    std::size_t width_ = 0;
    bool line_is_open_ = false;
    bool return_waits_ = false;  // A piece has ended with one that may belong to a line's end.
    ExitCode worst_ = ExitCode::done;
    std::mutex mutex_;
    std::vector<std::string> values_;
};

// Whether there was any goes into `any`.
std::optional<Failure> show(Context& context, LineSink& sink, const std::string& target,
                            std::size_t which, bool* any = nullptr) {
    auto connection = context.connect(context.globals);
    if (!connection) {
        return failure_of(connection.error());
    }
    LineSplitter lines([&](std::string_view text) { sink.line(which, text); });
    const auto response = (*connection)->stream(target, [&](std::string_view piece) {
        if (any != nullptr && !piece.empty()) *any = true;
        if (sink.is_plain()) {
            sink.plain(piece);
        } else {
            lines.feed(piece);
        }
        return sink.flush();
    });
    lines.finish();
    if (!response) {
        return failure_of(response.error());
    }
    return response->status >= 400 ? std::optional(failure_of(*response)) : std::nullopt;
}

// What one daemon writes, from manager to manager.
class Following {
  public:
    Following(Context& context, LineSink& sink, const Arguments& arguments, std::string daemon,
              std::size_t which)
        : context_(context),
          sink_(sink),
          arguments_(arguments),
          daemon_(std::move(daemon)),
          which_(which) {}

    std::optional<Failure> run() {
        if (!keeps_output(context_, daemon_)) sink_.tell_not_captured(which_);
        const auto response =
            across_managers(context_, [this](bool& heard) { return stream(heard); });
        lines_.finish();
        if (!response) return failure_of(response.error());
        // A manager of an older version.
        if (response->status == 400 && text_.mark().empty())
            return show(context_, sink_, target(parameters(arguments_)), which_);
        return response->status >= 400 ? std::optional(failure_of(*response)) : std::nullopt;
    }

  private:
    std::string target(const std::string& query_text) const {
        return daemon_target(daemon_, "/logs" + query_text);
    }

    std::string next_target() const {
        if (text_.mark().empty()) return target(parameters(arguments_, true));
        return target(query({{"stream", stream_of(arguments_)},
                             {"follow", "true"},
                             {"marks", "true"},
                             {"from", text_.mark()}}));
    }

    Result<Response> stream(bool& heard) {
        auto connection = context_.connect(context_.globals);
        if (!connection) return connection.error();
        text_.begin_anew();
        bool understood = true;
        auto response = (*connection)->stream(next_target(), [&](std::string_view bytes) {
            heard = true;
            understood = text_.feed(bytes);
            return understood && sink_.flush();
        });
        if (!understood)
            return Error{ErrorCode::corrupt, "cannot read log: the manager's answer has no marks"};
        return response;
    }

    Context& context_;
    LineSink& sink_;
    const Arguments& arguments_;
    std::string daemon_;
    std::size_t which_;
    LineSplitter lines_{[this](std::string_view line) { sink_.line(which_, line); }};
    MarkedText text_{[this](std::string_view piece) {
        if (sink_.is_plain()) {
            sink_.plain(piece);
        } else {
            lines_.feed(piece);
        }
    }};
};

// Followers last until the end, so each gets its own thread, however many.
ExitCode follow_all(Context& context, const Selection& selection, const Arguments& arguments) {
    const ExitCode before = report(context, selection.failures);
    LineSink sink(context, selection.names, true);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < selection.names.size(); ++i) {
        threads.emplace_back([&, i] {
            const auto failure = Following(context, sink, arguments, selection.names[i], i).run();
            if (failure) sink.tell(i, *failure);
        });
    }
    threads.clear();
    sink.finish();
    return worst(before, sink.worst_told());
}

ExitCode run(Context& context, const Arguments& arguments) {
    const Selection selection = select(context, selection_of(arguments));
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    if (arguments.has("follow")) {
        return follow_all(context, selection, arguments);
    }
    const std::string suffix = "/logs" + parameters(arguments);
    LineSink sink(context, selection.names, false);
    std::vector<std::optional<Failure>> results(selection.names.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
        bool any = false;
        results[i] = show(context, sink, daemon_target(selection.names[i], suffix), i, &any);
        if (!results[i] && !any && !keeps_output(context, selection.names[i]))
            sink.tell_not_captured(i);
    }
    std::vector<NamedFailure> failures = selection.failures;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i]) {
            failures.push_back({selection.names[i], *results[i]});
        }
    }
    if (failures.size() < results.size() || failures.empty() || !context.json()) {
        sink.finish();
    }
    return report(context, failures);
}

}  // namespace

constinit const Command logs_command{
    .name = "logs",
    .summary = "show what daemons wrote",
    .positional = {"NAME...", 1, any_number, ValueKind::daemon},
    .options = options,
    .selects = true,
    .details =
        "Shows the last lines of a daemon's output; of several daemons, each line begins with the "
        "name. A carriage return at the end of a line is not shown; the log files keep it. With "
        "--format json an array of {daemon, line}, with -f one such object a line. -f goes on with "
        "the next manager where the last one was, and ends with 3 when none comes within 10 s. "
        "Standard error says so when there is nothing as a daemon's output is not captured.",
    .examples =
        "syspulse logs web\n"
        "syspulse logs -f --all-streams web worker\n"
        "syspulse logs --since 10m --stderr 'web-*'",
    .run = run,
};

}  // namespace syspulse::cli
