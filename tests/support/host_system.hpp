// What FakePluginHost needs of the system: libraries, time, and which handles are ready.
#pragma once

#include <syspulse/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

namespace syspulse::testing {

// The exported function of a plugin file; throws std::runtime_error.
const sysp_module* load_plugin(const std::string& file);

std::uint64_t monotonic_ns();
std::int64_t own_pid();

struct Polled {
    sysp_handle handle = -1;
    std::uint32_t interest = 0;  // SYSP_IO_* bits.
    std::uint32_t ready = 0;
};
// Fills `ready` in; waits for at most so long for one of them.
void poll_handles(std::vector<Polled>& handles, int longest_ms);

}  // namespace syspulse::testing
