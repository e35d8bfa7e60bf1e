#include "cli/kept_output.hpp"

#include <algorithm>

#include "cli/call.hpp"
#include "cli/json_text.hpp"

namespace syspulse::cli {

bool keeps_output(const Context& context, const std::string& daemon) {
    const Answer answer = call(context, {.target = daemon_target(daemon, "/spec")});
    if (!answer) return true;
    const auto fields = decode_fields(answer.body);
    const Field not_kept{"log_config.capture", "false"};
    return !fields || std::ranges::find(*fields, not_kept) == fields->end();
}

}  // namespace syspulse::cli
