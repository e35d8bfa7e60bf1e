#include "cli/spec_files.hpp"

#include <algorithm>
#include <ostream>

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/paths.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

// The manager's rights are others than those of who validates: it may have a cgroup of its own.
Result<void> leave_rights_to_the_manager(Result<void> taken, std::set<std::string>& denied) {
    if (taken || taken.error().code != ErrorCode::permission_denied) return taken;
    denied.insert(taken.error().message);
    return {};
}

}  // namespace

config::LoadResult load_specs(Context& context, const std::vector<std::string>& files,
                              config::LoadOptions options) {
    if (!options.environment) {
        options.environment = context.environment;
    }
    options.standard_input = &context.in;
    if (context.complete_options) context.complete_options(options);
    return config::load_spec_files(paths_of(files), options);
}

Result<CheckedSpecs> check_specs(Context& context, const std::vector<std::string>& files,
                                 const std::vector<std::string>& plugin_dirs,
                                 config::LoadOptions options) {
    const auto plugins = context.load_plugins(plugin_dirs);
    if (!plugins) return plugins.error();
    CheckedSpecs checked;
    options.plugins = &plugins->known;
    options.accepts_plugins = true;
    options.user_exists = context.user_exists;
    options.may_follow = context.may_follow;
    options.is_root = context.is_root;
    options.may_become = context.may_become;
    options.try_checker = plugins->try_checker;
    if (plugins->try_driver) {
        options.try_driver = [&](const model::PluginChoice& driver,
                                 const model::ResourceLimits& limits) {
            return leave_rights_to_the_manager(plugins->try_driver(driver, limits), checked.denied);
        };
    }
    checked.loaded = load_specs(context, files, options);
    checked.problems = plugins->problems;
    return checked;
}

ExitCode report_refused_specs(Context& context, const CheckedSpecs& checked) {
    const ExitCode code = report_spec_errors(context, checked.loaded.errors);
    for (const std::string& problem : checked.problems) {
        if (context.json()) break;
        context.err << "syspulse: warning: " << printable(problem) << '\n' << std::flush;
    }
    return code;
}

ExitCode report_spec_errors(Context& context, const std::vector<config::SpecError>& errors) {
    const bool denied = !errors.empty() && std::ranges::all_of(errors, &config::SpecError::denied);
    const Failure failure =
        denied ? Failure{ExitCode::permission_denied, 403, "permission_denied",
                         config::format_errors(errors)}
               : Failure{ExitCode::usage, 400, "invalid_spec", config::format_errors(errors)};
    if (!context.json()) {
        context.err << printable_lines(failure.message) << '\n' << std::flush;
        return failure.exit;
    }
    std::vector<std::string> list;
    for (const config::SpecError& error : errors) {
        list.push_back("{\"file\":" + json_string(error.file) + ",\"line\":" +
                       std::to_string(error.line) + ",\"column\":" + std::to_string(error.column) +
                       ",\"message\":" + json_string(error.message) + "}");
    }
    context.err << "{\"error\":{" << failure_members(failure) << ",\"errors\":" << json_array(list)
                << "}}\n"
                << std::flush;
    return failure.exit;
}

}  // namespace syspulse::cli
