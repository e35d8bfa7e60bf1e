// The dynamic symbols of a shared object, read from the file without loading it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace syspulse::conformance {

struct ElfSymbols {
    std::vector<std::string> exported;
    std::vector<std::string> needed;    // What it takes from elsewhere.
    std::vector<std::string> versions;  // Like GLIBC_2.34, as far as they are named.
};

Result<ElfSymbols> read_symbols(const std::filesystem::path& file);

}  // namespace syspulse::conformance
