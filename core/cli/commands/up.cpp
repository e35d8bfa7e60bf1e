// syspulse up
#include <array>
#include <variant>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/paths.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{'f', "file", "FILE", "spec file (may be repeated; default: syspulse.yaml)",
               ValueKind::file, true},
    OptionSpec{0, "plugin-dir", "DIR",
               "look for plugins here too, before the bundled ones (may be repeated)",
               ValueKind::directory, true},
    OptionSpec{0, "keep-going", "",
               "stay when every daemon has ended, instead of ending with them"},
};

ExitCode run(Context& context, const Arguments& arguments) {
    manager::UpOptions wanted;
    wanted.data_dir = optional_path(context.globals.data_dir);
    wanted.socket = optional_path(context.globals.socket);
    wanted.plugin_dirs = paths_of(arguments.all("plugin-dir"));
    wanted.files = paths_of(files_of(arguments, "syspulse.yaml"));
    wanted.color = context.terminal.color;
    wanted.keep_going = arguments.has("keep-going");
    wanted.verbose = context.globals.verbose;
    wanted.quiet = context.globals.quiet;
    const manager::Outcome outcome = context.run_up(wanted);
    const int* const code = std::get_if<int>(&outcome);
    if (code != nullptr && *code != 0 && context.json()) {
        return report(context, {ExitCode::failed, 500, "daemon_failed",
                                "a daemon of the spec files failed; see: syspulse events"});
    }
    return conclude(context, outcome);
}

}  // namespace

constinit const Command up_command{
    .name = "up",
    .summary = "run spec files in the foreground, manager and output included",
    .positional = {"[FILE...]", 0, any_number, ValueKind::file},
    .options = options,
    .details =
        "Starts a manager, adds and starts every daemon of the spec files, and shows their output, "
        "each line with the daemon's name. Ctrl-C stops all of them in reverse order, and so do "
        "SIGTERM and the end of the terminal or of the pipe that takes the output; a second Ctrl-C "
        "after a second or more kills them. Works as process 1 of a container. Daemons that the "
        "data "
        "directory holds from before start too, if they have autostart, and stop with the last one "
        "of the spec files. What is shown is for people, whatever --format says.",
    .examples =
        "syspulse up\n"
        "syspulse up -f stack.yaml\n"
        "syspulse up -f base.yaml -f local.yaml",
    .run = run,
};

}  // namespace syspulse::cli
