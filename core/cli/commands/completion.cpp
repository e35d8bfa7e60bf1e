// syspulse completion
#include "cli/completion.hpp"

#include <array>
#include <ostream>

#include "cli/commands/commands.hpp"

namespace syspulse::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::array shells{"bash"sv, "zsh"sv, "fish"sv};

ExitCode run(Context& context, const Arguments& arguments) {
    const std::string& shell = arguments.positionals[0];
    context.out << (shell == "bash"  ? bash_completion()
                    : shell == "zsh" ? zsh_completion()
                                     : fish_completion())
                << std::flush;
    return ExitCode::done;
}

}  // namespace

constinit const Command completion_command{
    .name = "completion",
    .summary = "print a completion script for a shell",
    .positional = {"bash | zsh | fish", 1, 1, ValueKind::text, shells},
    .options = {},
    .details = "Completes commands, options and the names of daemons.",
    .examples =
        "source <(syspulse completion bash)\n"
        "syspulse completion zsh > \"${fpath[1]}/_syspulse\"\n"
        "syspulse completion fish > ~/.config/fish/completions/syspulse.fish",
    .run = run,
};

}  // namespace syspulse::cli
