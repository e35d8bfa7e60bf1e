// syspulse service
#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>
#include <string_view>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/paths.hpp"
#include "cli/spec_files.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::array words{"install"sv, "uninstall"sv, "run"sv};

constexpr std::array options{
    OptionSpec{0, "name", "NAME", "name of the service (default: syspulse)", ValueKind::text},
    OptionSpec{0, "plugin-dir", "DIR",
               "install: look for plugins here too, before the bundled ones (may be repeated)",
               ValueKind::directory, true},
    OptionSpec{0, "config", "FILE", "install: spec file to load at start", ValueKind::file},
};

// Letters, digits, dots, dashes and underscores: no other system's rules have to be known.
bool is_service_name(std::string_view name) {
    constexpr std::size_t longest = 80;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
    };
    return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), fits);
}

ExitCode tell(Context& context, const std::string& name, const Result<void>& result,
              std::string_view done) {
    if (!result) {
        return report(context, not_of_a_daemon(failure_of(result.error())));
    }
    if (context.json()) {
        context.out << "{\"service\":\"" << name << "\"}\n";
    } else if (!context.globals.quiet) {
        context.out << "service " << name << ": " << done << '\n';
    }
    context.out << std::flush;
    return ExitCode::done;
}

// At a start nobody reads along, so that all is refused here that the manager would refuse then,
// but dependencies, which may be on daemons that are in its registry.
Result<CheckedSpecs> check_as_the_service(Context& context, const std::string& file,
                                          const std::vector<std::string>& plugin_dirs) {
    config::LoadOptions wanted;
    wanted.tolerate_unknown_dependencies = true;
    return check_specs(context, {file}, plugin_dirs, wanted);
}

ExitCode run(Context& context, const Arguments& arguments) {
    manager::ServiceOptions wanted;
    wanted.name = arguments.text("name").value_or("syspulse");
    if (!is_service_name(wanted.name)) {
        return report(context, usage_failure("cannot call a service \"" + printable(wanted.name) +
                                             "\": a name has letters, digits and . - _ and is at "
                                             "most 80 long"));
    }
    wanted.daemon.data_dir = optional_path(context.globals.data_dir);
    wanted.daemon.socket = optional_path(context.globals.socket);
    wanted.daemon.plugin_dirs = paths_of(arguments.all("plugin-dir"));
    wanted.daemon.config = optional_path(arguments.text("config"));
    wanted.daemon.verbose = context.globals.verbose;
    const std::string& what = arguments.positionals.front();
    if (what == "run") {
        wanted.daemon.quiet = context.globals.quiet;
        return conclude(context, context.run_service(wanted));
    }
    if (what == "install") {
        if (const auto file = arguments.text("config")) {
            const auto checked = check_as_the_service(context, *file, arguments.all("plugin-dir"));
            if (!checked) return report(context, not_of_a_daemon(failure_of(checked.error())));
            if (!checked->loaded.errors.empty()) return report_refused_specs(context, *checked);
        }
        return tell(context, wanted.name, context.install_service(wanted),
                    "installed; it starts with Windows, and at once with: sc start " + wanted.name);
    }
    return tell(context, wanted.name, context.uninstall_service(wanted.name), "uninstalled");
}

}  // namespace

constinit const Command service_command{
    .name = "service",
    .summary = "run the manager as a service of Windows",
    .positional = {"install | uninstall | run", 1, 1, ValueKind::text, words},
    .options = options,
    .details =
        "install registers the manager to start with Windows, as the system, with the data "
        "directory %ProgramData%\\syspulse or that of --data-dir, and to be started again when it "
        "fails; administrators talk to it with that --data-dir. Its own output is the file "
        "manager.log there. A spec file that validate refuses is refused. A stop, and the shutdown "
        "of Windows, stop all daemons first. uninstall stops it and removes the registration, and "
        "leaves the data; it waits for the stop for ten minutes at most, and not for a service "
        "that gives no sign of life for half a minute. A service that runs anything else is left "
        "alone. run is what Windows starts. "
        "On Linux a unit of systemd runs the manager; syspulse.service is installed.",
    .examples =
        "syspulse service install --config C:\\syspulse\\daemons.yaml\n"
        "syspulse service uninstall",
    .run = run,
};

}  // namespace syspulse::cli
