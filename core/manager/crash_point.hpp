// Places in the manager's turn at which a test lets it die, in developer builds only.
#pragma once

#include <functional>
#include <string_view>

#include "platform/data_dir.hpp"

namespace syspulse::manager {

// SYSPULSE_CRASH_PLAN names a file. While it exists and holds "PLACE N", passing PLACE is counted
// from when it appeared, and at the Nth time this process removes the file and kills itself; so the
// next manager lives. Empty without the variable and in release builds.
std::function<void(std::string_view place)> crash_point(
    const platform::EnvironmentLookup& environment);

}  // namespace syspulse::manager
