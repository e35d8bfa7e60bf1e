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

// Replaces what was mapped of a loaded library's file by memory with the same contents, in the same
// place: from then on nobody who overwrites or cuts the file reaches what runs. To be done right
// after loading, before anybody but the library's own constructors uses it. After an error the
// library works as before. `handle` is the one of the system's loader.
Result<void> detach_library(void* handle);

}  // namespace syspulse::platform
