// syspulse help
#include "cli/help.hpp"

#include <ostream>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "config/suggest.hpp"

namespace syspulse::cli {
namespace {

ExitCode run(Context& context, const Arguments& arguments) {
    if (arguments.positionals.empty()) {
        context.out << overview_help() << std::flush;
        return ExitCode::done;
    }
    const std::string& name = arguments.positionals[0];
    const Command* command = find_command(name);
    if (command == nullptr) {
        std::vector<std::string_view> names;
        for (const Command* one : all_commands()) {
            names.push_back(one->name);
        }
        return report(context, usage_failure("unknown command \"" + name + "\"" +
                                             config::suggestion(name, names)));
    }
    context.out << command_help(*command) << std::flush;
    return ExitCode::done;
}

}  // namespace

constinit const Command help_command{
    .name = "help",
    .summary = "show help, for all or for one command",
    .positional = {"[COMMAND]", 0, 1, ValueKind::text},
    .options = {},
    .details = "",
    .examples =
        "syspulse help\n"
        "syspulse help start",
    .run = run,
};

}  // namespace syspulse::cli
