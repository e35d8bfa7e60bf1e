// What a shared object exports and needs, read from the file without loading it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::conformance {

struct LibrarySymbols {
    std::vector<std::string> exported;
    std::vector<std::string> needed;     // What it takes from elsewhere.
    std::vector<std::string> versions;   // Like GLIBC_2.34, as far as they are named.
    std::vector<std::string> libraries;  // Where what is needed comes from, where that is said.
};

Result<LibrarySymbols> read_symbols(const std::filesystem::path& file);

// What the system it runs on has to have, in words.
std::string oldest_system(const LibrarySymbols& symbols);

}  // namespace syspulse::conformance
