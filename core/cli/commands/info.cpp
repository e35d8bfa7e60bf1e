// syspulse info
#include <ostream>

#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

ExitCode run(Context& context, const Arguments&) {
    const Answer answer = call(context, {.target = "/v1/info"});
    if (!answer) {
        return report(context, *answer.failure);
    }
    if (context.json()) {
        context.out << trimmed(answer.body) << '\n' << std::flush;
        return ExitCode::done;
    }
    auto fields = decode_fields(answer.body);
    if (!fields) {
        return report(context, failure_of(fields.error()));
    }
    // What no plugin has done wrong need not be told.
    std::erase_if(*fields, [](const Field& field) {
        return field.first.starts_with("misbehaviour.") && field.second == "0";
    });
    print_fields(context, *fields);
    return ExitCode::done;
}

}  // namespace

constinit const Command info_command{
    .name = "info",
    .summary = "show the manager's version, pid, uptime and counts",
    .positional = {},
    .options = {},
    .details = "",
    .examples = "syspulse info",
    .run = run,
};

}  // namespace syspulse::cli
