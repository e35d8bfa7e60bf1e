// Instances of the named pipe that is the local endpoint. For the inside of core/platform/windows.
#pragma once

#include <string>

#include "base/result.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {

// For overlapped use, by this user and the system only, and from this machine only. `first`: nobody
// may have a pipe of that name yet.
Result<UniqueHandle> make_pipe_instance(const std::string& path, bool first);

}  // namespace syspulse::platform
