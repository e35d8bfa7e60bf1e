#include "cli/commands/lifecycle.hpp"

#include <algorithm>

#include "cli/concurrent.hpp"

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
                         const std::function<std::string(const Deed&)>& success) {
    SelectionRequest wanted = selection_of(arguments);
    wanted.need_daemons = wanted.names.size() > 1;
    const Selection selection = select(context, wanted);
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    std::vector<Deed> deeds(selection.names.size());
    for_each_concurrently(deeds.size(), [&](std::size_t i) {
        const std::string& name = selection.names[i];
        deeds[i] = {name, call(context, request(name))};
        if (deeds[i].answer || deeds[i].answer.failure->exit != ExitCode::conflict ||
            asked_for_by_name(selection, i, reached)) {
            return;
        }
        Answer now = call(context, {.target = daemon_target(name)});
        const auto daemon = now ? decode_daemon(now.body) : Result<DaemonInfo>(DaemonInfo{});
        if (daemon && reached(daemon->state)) {
            deeds[i].answer = std::move(now);
        }
    });
    return tell(context, selection, deeds, success);
}

WaitLimits wait_limits(const Arguments& arguments) {
    constexpr Duration grace = std::chrono::seconds{10};
    const Duration limit = arguments.duration("timeout").value_or(wait_timeout_default);
    const bool limited = arguments.has("wait") || arguments.has("timeout");
    return {limit, limited ? std::optional(limit + grace) : std::nullopt};
}

std::string wait_body(const Arguments& arguments, const WaitLimits& limits) {
    std::string body = "{";
    if (arguments.has("force")) {
        body += "\"force\":true,";
    }
    if (arguments.has("wait")) {
        body += "\"wait\":true,";
    }
    if (arguments.has("wait") || arguments.has("timeout")) {
        body += "\"timeout_secs\":" + seconds_text(limits.manager) + ",";
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
        return std::string(done) + pid;
    }
    if (daemon->state == "starting" && !daemon->waiting_for.empty()) {
        return "starting, waits for " + daemon->waiting_for;
    }
    return daemon->state;
}

}  // namespace syspulse::cli
