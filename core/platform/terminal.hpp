// What standard output is connected to, and writing to it.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace syspulse::platform {

struct TerminalInfo {
    bool is_terminal = false;
    unsigned columns = 0;  // Zero when not known.
};

TerminalInfo standard_output() noexcept;

// For a program that was started without one of its standard streams: no other file takes its place
// afterwards, and using it goes on failing. Before anything is opened.
void hold_missing_standard_streams() noexcept;

// Writes all of it, waiting where the reader is slow. `unavailable` means that nobody will ever
// read it: the pipe or the terminal is gone. Needs survive_closed_outputs().
Result<void> write_standard_output(std::string_view text);

}  // namespace syspulse::platform
