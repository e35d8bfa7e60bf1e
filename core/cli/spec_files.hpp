// Spec files as `add` and `validate` read them: from disk or, for "-", from standard input.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/exit_code.hpp"
#include "config/spec_loader.hpp"

namespace syspulse::cli {

// Reads the files as one set. What cannot be read is an error like any other.
config::LoadResult load_specs(Context& context, const std::vector<std::string>& files,
                              config::LoadOptions options);

// What a look at files tells without a manager.
struct CheckedSpecs {
    config::LoadResult loaded;
    std::vector<std::string> problems;  // Of plugins, which may be why a kind is not known.
    std::set<std::string> denied;       // What drivers may not do for this user.
};

// Reads the files as one set, as load_specs does, and has the plugins in `plugin_dirs`, and those
// that come along, try what they are given. The block `plugins` is taken. Users are judged by who
// asks; a manager's rights may be others, so that what drivers may not do is no error.
Result<CheckedSpecs> check_specs(Context& context, const std::vector<std::string>& files,
                                 const std::vector<std::string>& plugin_dirs,
                                 config::LoadOptions options);

// The errors of files that are refused, and what may be behind them.
ExitCode report_refused_specs(Context& context, const CheckedSpecs& checked);

// All errors at once on stderr, one a line as "file:line:column: message"; as JSON the error object
// lists them.
ExitCode report_spec_errors(Context& context, const std::vector<config::SpecError>& errors);

}  // namespace syspulse::cli
