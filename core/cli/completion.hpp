// Completion scripts, written from the command table.
#pragma once

#include <string>

namespace syspulse::cli {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace syspulse::cli
