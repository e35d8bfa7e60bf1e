#include "platform/daemon_limits.hpp"

namespace syspulse::platform {

// A process may have 16 million handles, and memory ends long before the numbers of processes do.
std::vector<DaemonLimit> daemon_limits() {
    return {};
}

}  // namespace syspulse::platform
