#include "cli/run.hpp"

#include <exception>
#include <ostream>
#include <variant>

#include "cli/failure.hpp"
#include "cli/help.hpp"
#include "cli/parser.hpp"

namespace syspulse::cli {
namespace {

ExitCode dispatch(Context& context, const std::vector<std::string>& words) {
    const Parsed parsed = parse_command_line(words);
    if (const auto* wrong = std::get_if<UsageError>(&parsed)) {
        context.globals.format = wrong->format;
        return report(context, usage_failure(wrong->message));
    }
    if (const auto* help = std::get_if<HelpWanted>(&parsed)) {
        context.out << (help->command == nullptr ? overview_help() : command_help(*help->command))
                    << std::flush;
        return ExitCode::done;
    }
    if (std::holds_alternative<VersionWanted>(parsed)) {
        context.out << version_text() << std::flush;
        return ExitCode::done;
    }
    const auto& invocation = std::get<Invocation>(parsed);
    context.globals = invocation.globals;
    if (context.globals.no_color) {
        context.terminal.color = false;
    }
    return invocation.command->run(context, invocation.arguments);
}

}  // namespace

int run(Context& context, const std::vector<std::string>& words) {
    try {
        const ExitCode code = dispatch(context, words);
        context.out << std::flush;
        if (context.out.good() || code != ExitCode::done) return to_int(code);
        return to_int(report(context, {ExitCode::failed, 500, "internal",
                                       "cannot write all of the output; where does it go to?"}));
    } catch (const std::exception& error) {
        // Only what nobody can foresee gets here, such as memory running out.
        return to_int(report(context, {ExitCode::failed, 500, "internal", error.what()}));
    }
}

}  // namespace syspulse::cli
