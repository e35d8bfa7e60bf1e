// Whether a file is a shared object that this machine can load, before the loader of the operating
// system sees it: that one reads damaged files with trust and has poor words for them.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace syspulse::platform {

// What the names of such files end in.
extern const std::string_view library_extension;

// The error names the field, what was expected and what was found; the caller adds the path.
Result<void> check_library_file(const std::filesystem::path& file);

}  // namespace syspulse::platform
