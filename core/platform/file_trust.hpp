// Whether a file may be run inside the manager, or say what it runs: nobody else could have written
// it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"

namespace syspulse::platform {

// The absolute path without links of a regular file that belongs to the superuser or to us, that
// neither group nor others can write, and that nobody else can replace: the same goes for the
// directories that lead to it, where only a group that can replace this very program may write. The
// error says which of these does not hold and what to do. [any
// thread]
Result<std::filesystem::path> trusted_file(const std::filesystem::path& file);

// An error when everybody can write or replace the spec file, which would let everybody run
// commands as its reader. Whoever names a file vouches for its owner and its group. No error for
// what does not exist: reading it says so better. [any thread]
Result<void> check_spec_file(const std::filesystem::path& file);

// Changes whenever the file is written or replaced; zero if there is none.
std::uint64_t file_stamp(const std::filesystem::path& file);

}  // namespace syspulse::platform
