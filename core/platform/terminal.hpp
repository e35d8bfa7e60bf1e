// What standard output is connected to.
#pragma once

namespace syspulse::platform {

struct TerminalInfo {
    bool is_terminal = false;
    unsigned columns = 0;  // Zero when not known.
};

TerminalInfo standard_output() noexcept;

}  // namespace syspulse::platform
