// Spec files as `add` and `validate` read them: from disk or, for "-", from standard input.
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/exit_code.hpp"
#include "config/spec_loader.hpp"

namespace syspulse::cli {

// Reads the files as one set. What cannot be read is an error like any other.
config::LoadResult load_specs(Context& context, const std::vector<std::string>& files,
                              config::LoadOptions options);

// All errors at once on stderr, one a line as "file:line:column: message"; as JSON the error object
// lists them.
ExitCode report_spec_errors(Context& context, const std::vector<config::SpecError>& errors);

}  // namespace syspulse::cli
