// UTF-8 of the core and UTF-16 of Windows; the one place of core/platform where they meet.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace syspulse::platform {

// What is not valid becomes U+FFFD in both directions.
std::wstring to_wide(std::string_view text);
std::string to_utf8(std::wstring_view text);

// The name under which Windows takes a path of any length: absolute, and beginning with \\?\ where
// it is long. Device names (\\.\...) stay as they are.
std::wstring long_path(const std::filesystem::path& path);

}  // namespace syspulse::platform
