// Assertions for broken invariants, active in release builds too. Never for user input.
#pragma once

namespace syspulse {

// Prints the expression, the reason and the place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* why, const char* file,
                                   int line) noexcept;

}  // namespace syspulse

#define SYSPULSE_ASSERT(condition, why) \
    (static_cast<bool>(condition)       \
         ? static_cast<void>(0)         \
         : ::syspulse::assertion_failed(#condition, why, __FILE__, __LINE__))
