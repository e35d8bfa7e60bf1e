#include "cli/kept_output.hpp"

#include <algorithm>
#include <ostream>

#include "cli/call.hpp"
#include "cli/json_text.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

// One whose program could not be begun wrote nothing.
bool has_run(const Context& context, const std::string& daemon) {
    const Answer answer = call(context, {.target = daemon_target(daemon)});
    const auto info = answer ? decode_daemon(answer.body) : Result<DaemonInfo>(DaemonInfo{});
    return info && (info->pid || info->exit_code || !info->exit_signal.empty());
}

}  // namespace

bool keeps_output(const Context& context, const std::string& daemon) {
    const Answer answer = call(context, {.target = daemon_target(daemon, "/spec")});
    if (!answer) return true;
    const auto fields = decode_fields(answer.body);
    const Field not_kept{"log_config.capture", "false"};
    return !fields || std::ranges::find(*fields, not_kept) == fields->end();
}

void point_at_logs(Context& context, const std::vector<std::string>& daemons) {
    if (context.json() || context.globals.quiet) return;
    std::string names;
    for (const std::string& daemon : daemons) {
        if (has_run(context, daemon) && keeps_output(context, daemon))
            names += ' ' + printable(daemon);
    }
    if (names.empty()) return;
    context.err << "syspulse: what was written may say more; see: syspulse logs --all-streams"
                << names << '\n'
                << std::flush;
}

}  // namespace syspulse::cli
