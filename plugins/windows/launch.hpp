// Starting a process inside of a job, with three handles and nothing else of ours.
#pragma once

#include <array>
#include <string>

#include "windows/win32.hpp"

namespace syspulse::plugins::windows {

struct LaunchPlan {
    std::wstring program;  // Of find_program().
    std::wstring command_line;
    std::wstring environment;          // Of environment_block().
    std::wstring directory;            // Empty: ours.
    std::array<HANDLE, 3> stdio = {};  // Borrowed; null is the null device.
    HANDLE job = nullptr;              // In it before its first instruction.
    bool has_console = true;           // One that nobody sees.
    // False, as where Windows cannot make a process inside of a job: put into it before it runs.
    bool born_in_job = true;
};

struct Launched {
    UniqueHandle process;
    DWORD pid = 0;
};

// Throws sdk::Error, which names the stage.
Launched launch(const LaunchPlan& plan);

}  // namespace syspulse::plugins::windows
