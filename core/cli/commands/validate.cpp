// syspulse validate
#include <array>
#include <ostream>
#include <string>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/spec_files.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "plugin-dir", "DIR",
               "look for plugins here too, before the bundled ones (may be repeated)",
               ValueKind::directory, true},
};

// The names in one file of a set that has been found valid.
std::vector<std::string> names_in(Context& context, const std::string& file) {
    config::LoadOptions lenient;
    lenient.tolerate_unknown_dependencies = true;
    lenient.accepts_plugins = true;
    std::vector<std::string> names;
    for (const model::DaemonSpec& spec : load_specs(context, {file}, lenient).daemons) {
        names.push_back(spec.name);
    }
    return names;
}

void praise(Context& context, const std::vector<std::string>& files,
            const config::LoadResult& loaded) {
    std::vector<std::string> objects;
    for (const std::string& file : files) {
        std::vector<std::string> names;
        if (files.size() > 1) {
            names = names_in(context, file);
        } else {
            for (const model::DaemonSpec& spec : loaded.daemons) {
                names.push_back(spec.name);
            }
        }
        const std::size_t count = names.size();
        if (!context.json() && !context.globals.quiet) {
            context.out << printable(file) << ": ok (" << count
                        << (count == 1 ? " daemon)\n" : " daemons)\n");
        }
        for (std::string& name : names) {
            name = json_string(name);
        }
        objects.push_back("{\"file\":" + json_string(file) + ",\"daemons\":" + json_array(names) +
                          "}");
    }
    if (context.json()) {
        context.out << json_array(objects) << '\n';
    }
    context.out << std::flush;
}

// What is valid but hardly meant.
void warn(Context& context, const config::LoadResult& loaded) {
    for (const config::SpecError& warning : loaded.warnings) {
        context.err << "syspulse: warning: " << printable(config::format_error(warning)) << '\n'
                    << std::flush;
    }
    for (const model::DaemonSpec& spec : loaded.daemons) {
        if (spec.schedule && spec.restart.kind != model::RestartPolicy::Kind::never) {
            context.err << "syspulse: warning: " << printable(spec.name)
                        << ": restart_policy is without effect beside schedule; after each run it "
                           "waits for its next time\n"
                        << std::flush;
        }
    }
}

ExitCode run(Context& context, const Arguments& arguments) {
    const auto checked =
        check_specs(context, arguments.positionals, arguments.all("plugin-dir"), {});
    if (!checked) return report(context, failure_of(checked.error()));
    if (!checked->loaded.errors.empty()) return report_refused_specs(context, *checked);
    praise(context, arguments.positionals, checked->loaded);
    warn(context, checked->loaded);
    for (const std::string& message : checked->denied) {
        context.err << "syspulse: warning: " << printable(message)
                    << " (as this user; the manager may have other rights)\n"
                    << std::flush;
    }
    return ExitCode::done;
}

}  // namespace

constinit const Command validate_command{
    .name = "validate",
    .summary = "check spec files without a manager",
    .positional = {"FILE...", 1, any_number, ValueKind::file},
    .options = options,
    .details =
        "Reports every error at once as file:line:column: message, and exits with 2 if there is "
        "one. "
        "Several files are checked as one set, as add and up load them: names must be unique, and "
        "dependencies may cross. The block plugins is checked as daemon --config and up take it; "
        "add refuses it. Plugin options are checked against the plugins found, and tried "
        "by them. Users are judged by the rights of who validates; what a driver may not do for "
        "them is "
        "a warning.",
    .examples =
        "syspulse validate syspulse.yaml\n"
        "syspulse validate base.yaml local.yaml",
    .run = run,
};

}  // namespace syspulse::cli
