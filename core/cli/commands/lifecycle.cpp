#include "cli/commands/lifecycle.hpp"

namespace syspulse::cli {

WaitLimits wait_limits(const Arguments& arguments) {
    constexpr Duration grace = std::chrono::seconds{10};
    const Duration limit = arguments.duration("timeout").value_or(wait_timeout_default);
    return {limit, arguments.has("wait") ? std::optional(limit + grace) : std::nullopt};
}

std::string wait_body(const Arguments& arguments, const WaitLimits& limits) {
    std::string body = "{";
    if (arguments.has("force")) {
        body += "\"force\":true,";
    }
    if (arguments.has("wait")) {
        body += "\"wait\":true,\"timeout_secs\":" + seconds_text(limits.manager) + ",";
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
