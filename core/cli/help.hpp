// The --help pages, from the command table.
#pragma once

#include <string>

#include "cli/command.hpp"

namespace syspulse::cli {

std::string overview_help();
std::string command_help(const Command& command);
std::string version_text();

}  // namespace syspulse::cli
