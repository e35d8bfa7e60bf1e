#include "cli/spec_files.hpp"

#include <algorithm>
#include <ostream>

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/paths.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
config::LoadResult load_specs(Context& context, const std::vector<std::string>& files,
                              config::LoadOptions options) {
    if (!options.environment) {
        options.environment = context.environment;
    }
    options.standard_input = &context.in;
    if (context.complete_options) context.complete_options(options);
    return config::load_spec_files(paths_of(files), options);
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
