// Whether a file may be run inside the manager: nobody else could have written it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"

namespace syspulse::platform {

// The absolute path without links of a regular file that belongs to the superuser or to us and that
// neither group nor others can write. The error says which of these does not hold and what to do.
Result<std::filesystem::path> trusted_file(const std::filesystem::path& file);

// The id of this process.
std::int64_t own_process_id();

}  // namespace syspulse::platform
