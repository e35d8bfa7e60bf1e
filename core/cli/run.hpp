// The whole program but for the world it runs in.
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace syspulse::cli {

// Runs the command that `words` (without the program's name) ask for and returns the exit code.
int run(Context& context, const std::vector<std::string>& words);

}  // namespace syspulse::cli
