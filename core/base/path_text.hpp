// Paths from UTF-8. The constructors of std::filesystem::path take a plain string to be in the
// encoding of the system, which is another one on Windows; path.string() gives UTF-8 everywhere.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace syspulse {

inline std::filesystem::path path_from_utf8(std::string_view text) {
    return std::u8string_view(reinterpret_cast<const char8_t*>(text.data()), text.size());
}

// Between the parts of a path, in text.
inline constexpr char path_separator =
    static_cast<char>(std::filesystem::path::preferred_separator);

// \\server\share, \\?\C:\file and their like on Windows, which the library takes for the names of
// directories on the current drive. Never elsewhere.
inline bool is_device_or_share(const std::filesystem::path& path) {
    constexpr bool on_windows = std::filesystem::path::preferred_separator == '\\';
    const auto& text = path.native();
    const auto separates = [](auto c) { return c == '\\' || c == '/'; };
    return on_windows && text.size() > 1 && separates(text[0]) && separates(text[1]);
}

// Advice on a path that ends as that of a directory, of which Windows says only that it is wrong.
inline std::string on_separator(const std::filesystem::path& path) {
    if (path.empty() || path.has_filename()) return {};
    return std::string("; its path ends as that of a directory: leave out the last \"") +
           path.string().back() + '"';
}

inline std::filesystem::path absolute_path(const std::filesystem::path& path,
                                           std::error_code& failed) {
    if (!is_device_or_share(path)) return std::filesystem::absolute(path, failed);
    failed.clear();
    return path;
}

}  // namespace syspulse
