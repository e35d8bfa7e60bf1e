// The plugin for tests: a checker that does what its target says, and the bundled posix driver
// behind a layer that can break it. The environment variable SYSPULSE_MOCK_FAULT names one rule of
// the ABI, as the conformance kit numbers them, that the plugin then violates; the kit's own tests
// and the isolation tests use it. Without the variable the plugin is sound.
#pragma once

#include <syspulse/plugin.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace syspulse::plugins::mock {

// Whether this rule is to be violated.
bool broken(std::string_view item);

const sysp_kind* checker_kind();
const sysp_kind* driver_kind();

std::size_t copies();
bool is_stopped(std::int64_t group);
void wait_until_ignored(std::int64_t pid, int number);

void leave_a_worker(const sysp_host* host);
bool is_locked();

// Never returns and never lets anybody else run on this thread.
[[noreturn]] void spin();

}  // namespace syspulse::plugins::mock
