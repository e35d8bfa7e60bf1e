// What a process on Windows was started with. Uses the system's headers alone, as programs that
// are linked to nothing else include it.
#pragma once

#include <windows.h>

#include <cstddef>

namespace syspulse::conformance {

// Bit 0 of the console's flags among what this process was started with, which its children
// inherit; no header has it.
inline bool ignores_ctrl_c() {
    constexpr std::size_t parameters = 0x20;     // In the block of the process (64 bits).
    constexpr std::size_t console_flags = 0x18;  // In those.
    const auto* const process = reinterpret_cast<const char*>(__readgsqword(0x60));
    const auto* const at = *reinterpret_cast<const char* const*>(process + parameters);
    return (*reinterpret_cast<const ULONG*>(at + console_flags) & 1U) != 0;
}

}  // namespace syspulse::conformance
