#include "cli/commands/plugin_new.hpp"

#include <ostream>

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/plugin_project.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

ExitCode refuse(Context& context, const Error& error) {
    if (error.code == ErrorCode::not_found) {
        return report(context, {ExitCode::failed, 404, "template_not_found", error.message});
    }
    return report(context, failure_of(error));
}

}  // namespace

ExitCode run_plugin_new(Context& context, const Arguments& arguments) {
    const auto& given = arguments.positionals;
    if (given.size() != 3) {
        return report(context, usage_failure("plugin new needs driver or checker, and a NAME"));
    }
    PluginProject project{arguments.text("language").value_or("c++"), given[1], given[2]};
    if (project.kind != "driver" && project.kind != "checker") {
        return report(context, usage_failure("cannot make a \"" + project.kind +
                                             "\": expected driver or checker"));
    }
    if (!is_kind_name(project.name)) {
        return report(context,
                      usage_failure("cannot call it \"" + project.name +
                                    "\": a name has lower-case letters, digits and -, begins "
                                    "with a letter and is at most 32 long"));
    }
    if (context.is_bundled(project.name)) {
        return report(context, usage_failure("cannot call it \"" + project.name +
                                             "\": a plugin that comes with syspulse has that "
                                             "name; choose another"));
    }
    if (arguments.has("async")) {
        if (project.kind == "driver") {
            return report(context, usage_failure("--async is for checkers: a driver runs on the "
                                                 "host's loop always"));
        }
        project.kind = "async-" + project.kind;
    }
    const auto written = create_plugin_project(context.plugin_templates, project, project.name);
    if (!written) {
        return refuse(context, written.error());
    }
    std::vector<std::string> names;
    for (const auto& file : *written) {
        names.push_back((project.name / file).make_preferred().string());
    }
    if (context.json()) {
        std::vector<std::string> items;
        for (const auto& name : names) items.push_back(json_string(name));
        context.out << "{\"files\":" << json_array(items) << "}\n" << std::flush;
    } else if (!context.globals.quiet) {
        for (const auto& name : names) context.out << printable(name) << '\n';
        context.out << "written; how to build it: " << project.name << "/README.md\n" << std::flush;
    }
    return ExitCode::done;
}

}  // namespace syspulse::cli
