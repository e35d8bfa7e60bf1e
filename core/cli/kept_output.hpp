// Whether what a daemon writes is kept, for who looks for it.
#pragma once

#include <string>

#include "cli/context.hpp"

namespace syspulse::cli {

// False only when the manager says that the daemon's output is not captured. [any thread]
bool keeps_output(const Context& context, const std::string& daemon);

}  // namespace syspulse::cli
