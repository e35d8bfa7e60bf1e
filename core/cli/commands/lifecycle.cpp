#include "cli/commands/lifecycle.hpp"

#include <algorithm>

#include "cli/kept_output.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

bool asked_for_by_name(const Selection& selection, std::size_t i, Reached reached) {
    const bool literal = std::find(selection.literal.begin(), selection.literal.end(),
                                   selection.names[i]) != selection.literal.end();
    // Where it was there before, nobody else of this command brought it there.
    return literal && (selection.daemons.empty() || reached(selection.daemons[i].state));
}

}  // namespace

ExitCode perform_towards(Context& context, const Arguments& arguments, Reached reached,
                         const std::function<Call(const std::string& name)>& request,
                         const std::function<std::string(const Deed&)>& success, bool waits,
                         bool until_ready) {
    SelectionRequest wanted = selection_of(arguments);
    wanted.need_daemons = wanted.names.size() > 1;
    const Selection selection = select(context, wanted);
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    Deeds deeds(context, selection, success, waits);
    deeds.each([&](std::size_t i, Deed& deed) {
        deed.answer = call(context, request(deed.name));
        if (deed.answer || deed.answer.failure->exit != ExitCode::conflict ||
            asked_for_by_name(selection, i, reached)) {
            return;
        }
        Answer now = call(context, {.target = daemon_target(deed.name)});
        const auto daemon = now ? decode_daemon(now.body) : Result<DaemonInfo>(DaemonInfo{});
        if (daemon && reached(daemon->state)) {
            deed.answer = std::move(now);
            deed.needless = !selection.daemons.empty() && reached(selection.daemons[i].state);
        }
    });
    const ExitCode code = deeds.tell();
    if (until_ready) point_at_logs(context, deeds.in_vain());
    return code;
}

WaitLimits::WaitLimits(const Context& context, const Arguments& arguments)
    : context_(context),
      arguments_(arguments),
      limited_(arguments.has("wait") || arguments.has("timeout")),
      end_(context.now().mono + arguments.duration("timeout").value_or(wait_timeout_default)) {}

Duration WaitLimits::left() const {
    return std::max(end_ - context_.now().mono, Duration{0});
}

std::optional<Duration> WaitLimits::request() const {
    constexpr Duration grace = std::chrono::seconds{10};
    return limited_ ? std::optional(left() + grace) : std::nullopt;
}

std::string WaitLimits::body() const {
    std::string body = "{";
    if (arguments_.has("force")) {
        body += "\"force\":true,";
    }
    if (arguments_.has("wait")) {
        body += "\"wait\":true,";
    }
    if (limited_) {
        body += "\"timeout_secs\":" + seconds_text(left()) + ",";
    }
    if (body.back() == ',') {
        body.pop_back();
    }
    return body + "}";
}

std::string outcome(const Deed& deed, std::string_view done) {
    const auto daemon = decode_daemon(deed.answer.body);
    if (!daemon || daemon->state.empty()) {
        return std::string(done);
    }
    if (daemon->state == "running") {
        const std::string pid = daemon->pid ? " (pid " + std::to_string(*daemon->pid) + ")" : "";
        return (deed.needless ? "already running" : std::string(done)) + pid;
    }
    if (daemon->state == "starting" && !daemon->waiting_for.empty()) {
        return "starting, waits for " + daemon->waiting_for;
    }
    if (daemon->killed_after_secs && !deed.needless) {
        const auto patience = std::chrono::duration<double>(*daemon->killed_after_secs);
        return daemon->state + " (killed, it did not end within " +
               format_duration(std::chrono::duration_cast<Duration>(patience)) + ")";
    }
    if (!deed.needless) return daemon->state;
    // The word alone would read as if the stop had.
    if (daemon->state == "failed") return "was not running (failed)";
    return (daemon->state == "stopped" ? "already " : "") + daemon->state;
}

std::string taken_along(const Deed& deed) {
    std::string lines;
    for (const std::string& name : decode_names(deed.answer.body, "stopped_dependents")) {
        // One that is asked for as well has a line of its own.
        if (std::ranges::find(*deed.selected, name) != deed.selected->end()) continue;
        lines += '\n' + printable(name) + ": stopped, as it depends on " + printable(deed.name);
    }
    return lines;
}

}  // namespace syspulse::cli
