#include "platform/windows/windows_command_line.hpp"

namespace syspulse::platform {

std::wstring quoted_argument(std::wstring_view argument) {
    std::wstring text = L"\"";
    std::size_t backslashes = 0;
    for (const wchar_t c : argument) {
        if (c == L'\\') {
            ++backslashes;
            continue;
        }
        text.append(c == L'"' ? 2 * backslashes + 1 : backslashes, L'\\');
        backslashes = 0;
        text += c;
    }
    return text.append(2 * backslashes, L'\\') + L'"';
}

}  // namespace syspulse::platform
