#include "windows/win32.hpp"

namespace syspulse::plugins::windows {

std::wstring to_wide(std::string_view text) {
    if (text.empty()) return {};
    const int bytes = static_cast<int>(text.size());
    const int size = ::MultiByteToWideChar(CP_UTF8, 0, text.data(), bytes, nullptr, 0);
    std::wstring wide(static_cast<std::size_t>(size), L'\0');
    ::MultiByteToWideChar(CP_UTF8, 0, text.data(), bytes, wide.data(), size);
    return wide;
}

std::string to_utf8(std::wstring_view text) {
    if (text.empty()) return {};
    const int units = static_cast<int>(text.size());
    const int size =
        ::WideCharToMultiByte(CP_UTF8, 0, text.data(), units, nullptr, 0, nullptr, nullptr);
    std::string narrow(static_cast<std::size_t>(size), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, text.data(), units, narrow.data(), size, nullptr, nullptr);
    return narrow;
}

sdk::Error win32_error(const std::string& what, DWORD code) {
    wchar_t text[512];
    DWORD size = ::FormatMessageW(
        FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
        nullptr, code, 0, text, static_cast<DWORD>(std::size(text)), nullptr);
    while (size > 0 && (text[size - 1] <= L' ' || text[size - 1] == L'.')) --size;
    std::string cause = size == 0 ? "unknown error" : to_utf8({text, size});
    // For the name of a file, which `what` says already.
    for (auto at = cause.find("%1"); at != std::string::npos; at = cause.find("%1"))
        cause.replace(at, 2, "the file");
    const bool shortage = code == ERROR_NO_SYSTEM_RESOURCES || code == ERROR_NOT_ENOUGH_MEMORY ||
                          code == ERROR_COMMITMENT_LIMIT;
    return sdk::Error::win32(what + ": " + cause + " (Windows error " + std::to_string(code) + ")",
                             static_cast<std::int32_t>(code), shortage);
}

}  // namespace syspulse::plugins::windows
