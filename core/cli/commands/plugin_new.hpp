// syspulse plugin new: a plugin project from a template.
#pragma once

#include "cli/command.hpp"

namespace syspulse::cli {

ExitCode run_plugin_new(Context& context, const Arguments& arguments);

}  // namespace syspulse::cli
