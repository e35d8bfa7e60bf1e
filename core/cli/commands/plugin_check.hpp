// syspulse plugin check
#pragma once

#include "cli/command.hpp"
#include "cli/context.hpp"

namespace syspulse::cli {

// The words after "plugin" are checked by the caller: "check", and FILE unless --explain is given.
ExitCode run_plugin_check(Context& context, const Arguments& arguments);

}  // namespace syspulse::cli
