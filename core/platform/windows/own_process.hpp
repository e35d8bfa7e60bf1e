// Starting this program once more, as a helper or as a manager under a keeper.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {

// All handles are borrowed.
struct OwnProcess {
    std::filesystem::path program;
    std::wstring command_line;
    // Standard input, output and error; null or what cannot be inherited is the null device.
    std::array<HANDLE, 3> stdio{};
    // Inherited beside those, and nothing else is. They keep their values over there, and have to
    // be inheritable.
    std::vector<HANDLE> handles;
    HANDLE job = nullptr;        // In it before its first instruction.
    std::wstring environment{};  // A block of variables; empty: ours.
    bool in_console = false;     // In ours, if we have one; otherwise in none that anybody sees.
};

struct OwnStarted {
    UniqueHandle process;
    DWORD pid = 0;
};

// `what` is "cannot start ..." for the error.
Result<OwnStarted> start_own_process(const OwnProcess& wanted, const std::string& what);

// Ends what is in it with its last handle, and lets what those start live on elsewhere.
Result<UniqueHandle> make_own_job();

}  // namespace syspulse::platform
