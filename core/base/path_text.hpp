// Paths from UTF-8. The constructors of std::filesystem::path take a plain string to be in the
// encoding of the system, which is another one on Windows; path.string() gives UTF-8 everywhere.
#pragma once

#include <filesystem>
#include <string_view>

namespace syspulse {

inline std::filesystem::path path_from_utf8(std::string_view text) {
    return std::u8string_view(reinterpret_cast<const char8_t*>(text.data()), text.size());
}

}  // namespace syspulse
