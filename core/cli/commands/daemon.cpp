// syspulse daemon
#include <array>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/paths.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "plugin-dir", "DIR",
               "look for plugins here too, before the bundled ones (may be repeated)",
               ValueKind::directory, true},
    OptionSpec{0, "config", "FILE", "spec file to load at start", ValueKind::file},
    OptionSpec{0, "no-keeper", "",
               "run without the keeper, the parent process that restarts a crashed manager"},
};

ExitCode run(Context& context, const Arguments& arguments) {
    manager::DaemonOptions wanted;
    wanted.data_dir = optional_path(context.globals.data_dir);
    wanted.socket = optional_path(context.globals.socket);
    wanted.plugin_dirs = paths_of(arguments.all("plugin-dir"));
    wanted.config = optional_path(arguments.text("config"));
    wanted.keeper = !arguments.has("no-keeper");
    wanted.verbose = context.globals.verbose;
    wanted.quiet = context.globals.quiet;
    return conclude(context, context.run_daemon(wanted));
}

}  // namespace

constinit const Command daemon_command{
    .name = "daemon",
    .summary = "run the manager in the foreground",
    .positional = {},
    .options = options,
    .details =
        "Runs until SIGTERM or SIGINT, then stops all daemons, dependents first, and exits with 0; "
        "a "
        "SIGINT a second or more after the first signal kills them. Other signals do not end it. "
        "Daemons that an earlier manager left running are taken over. One manager runs per data "
        "directory.",
    .examples =
        "syspulse daemon\n"
        "syspulse daemon --data-dir /var/lib/syspulse --config /etc/syspulse.yaml",
    .windows_examples =
        "syspulse daemon\n"
        "syspulse daemon --data-dir C:\\syspulse\\data --config C:\\syspulse\\daemons.yaml",
    .run = run,
};

}  // namespace syspulse::cli
