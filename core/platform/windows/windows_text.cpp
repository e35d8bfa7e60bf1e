#include "platform/windows/windows_text.hpp"

#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {
namespace {

// Directories have to leave room for a short name in them, so their limit is lower than that of
// files (260).
constexpr std::size_t short_path_most = 240;

}  // namespace

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

std::wstring long_path(const std::filesystem::path& path) {
    const std::wstring& native = path.native();
    if (native.size() < short_path_most || native.starts_with(L"\\\\?\\") ||
        native.starts_with(L"\\\\.\\")) {
        return native;
    }
    // A share of another machine; the library takes its name for one of a directory.
    if (native.starts_with(L"\\\\")) return L"\\\\?\\UNC" + native.substr(1);
    std::error_code failure;
    std::filesystem::path absolute = std::filesystem::absolute(path, failure).lexically_normal();
    if (failure) return native;
    absolute.make_preferred();
    return L"\\\\?\\" + absolute.native();
}

}  // namespace syspulse::platform
