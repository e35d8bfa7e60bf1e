// Whose a process is, by what it was started with.
#pragma once

#include <cstdint>
#include <string_view>

namespace syspulse::platform {

// Whether the process lives and has the value of SYSPULSE_RUN_ID that its run was given, which no
// process of another run has. False also where that cannot be seen: on Windows, of a process that
// has overwritten its environment or was started without one, and of another user's.
bool carries_run(std::int64_t pid, std::string_view run_id);

}  // namespace syspulse::platform
