// Paths from the command line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"

namespace syspulse::cli {

std::optional<std::filesystem::path> optional_path(const std::optional<std::string>& text);
std::vector<std::filesystem::path> paths_of(const std::vector<std::string>& texts);

// The files of -f, then those given without it; `fallback` when there are none and it is not empty.
std::vector<std::string> files_of(const Arguments& arguments, std::string_view fallback);

}  // namespace syspulse::cli
