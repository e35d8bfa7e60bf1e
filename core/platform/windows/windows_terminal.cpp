#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <cstdio>

#include "platform/terminal.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

constexpr std::size_t piece_bytes = 32 * 1024;

HANDLE output() {
    return ::GetStdHandle(STD_OUTPUT_HANDLE);
}

}  // namespace

// From now on a line break is one character, as in all that this program writes.
TerminalInfo standard_output() noexcept {
    ::_setmode(::_fileno(stdout), _O_BINARY);
    DWORD mode = 0;
    if (::GetConsoleMode(output(), &mode) == 0) return {};
    ::SetConsoleOutputCP(CP_UTF8);
    ::SetConsoleMode(output(), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    CONSOLE_SCREEN_BUFFER_INFO info{};
    if (::GetConsoleScreenBufferInfo(output(), &info) == 0) return {true, 0};
    return {true, static_cast<unsigned>(info.srWindow.Right - info.srWindow.Left + 1)};
}

// Handles have no order in which one could take the place of another.
void hold_missing_standard_streams() noexcept {}

Result<void> write_standard_output(std::string_view text) {
    while (!text.empty()) {
        const auto size = static_cast<DWORD>(std::min(text.size(), piece_bytes));
        DWORD written = 0;
        if (::WriteFile(output(), text.data(), size, &written, nullptr) == 0) {
            const DWORD number = ::GetLastError();
            Error error = os_error("cannot write to standard output", number);
            if (number == ERROR_BROKEN_PIPE || number == ERROR_NO_DATA ||
                number == ERROR_INVALID_HANDLE) {
                error.code = ErrorCode::unavailable;
            }
            return error;
        }
        text.remove_prefix(written);
    }
    return {};
}

}  // namespace syspulse::platform
