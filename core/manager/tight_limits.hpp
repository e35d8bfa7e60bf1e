// Tells the operator which limit of the system will stop daemons from being started, while there is
// still room.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "platform/daemon_limits.hpp"

namespace syspulse::manager {

// Of each limit that this many daemons come within a tenth of, or pass.
std::vector<std::string> tight_limits(std::size_t declared,
                                      const std::vector<platform::DaemonLimit>& limits);

}  // namespace syspulse::manager
