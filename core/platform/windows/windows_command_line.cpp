#include "platform/windows/windows_command_line.hpp"

#include <filesystem>
#include <memory>

#include "platform/windows/windows_api.hpp"

#include <shellapi.h>

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

bool runs_service(const std::wstring& line, const std::wstring& this_program) {
    if (line.empty()) return false;  // Windows would give the name of this program.
    int count = 0;
    const std::unique_ptr<wchar_t*, decltype(&::LocalFree)> words(
        ::CommandLineToArgvW(line.c_str(), &count), &::LocalFree);
    if (!words || count == 0) return false;
    constexpr std::wstring_view ours = L"syspulse";
    const std::wstring program = std::filesystem::path(words.get()[0]).filename().wstring();
    const std::wstring start = program.substr(0, ours.size());
    const auto same = [](std::wstring_view a, std::wstring_view b) {
        return ::CompareStringOrdinal(a.data(), static_cast<int>(a.size()), b.data(),
                                      static_cast<int>(b.size()), TRUE) == CSTR_EQUAL;
    };
    if (!same(start, ours) && !same(program, this_program)) return false;
    for (int i = 1; i + 1 < count; ++i) {
        if (words.get()[i] == std::wstring_view(L"service") &&
            words.get()[i + 1] == std::wstring_view(L"run"))
            return true;
    }
    return false;
}

}  // namespace syspulse::platform
