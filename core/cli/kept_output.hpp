// Whether what a daemon writes is kept, for who looks for it.
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace syspulse::cli {

// False only when the manager says that the daemon's output is not captured. [any thread]
bool keeps_output(const Context& context, const std::string& daemon);

// Tells a person where to read what daemons wrote that did not come up. Those that never ran, and
// those whose output is not kept, are left out.
void point_at_logs(Context& context, const std::vector<std::string>& daemons);

}  // namespace syspulse::cli
