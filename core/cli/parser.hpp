// From the words of the command line to a command and its arguments. The only place that knows
// CLI11.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/command.hpp"

namespace syspulse::cli {

struct Invocation {
    const Command* command = nullptr;
    GlobalOptions globals;
    Arguments arguments;
};

struct HelpWanted {
    const Command* command = nullptr;  // Null: the overview.
};
struct VersionWanted {};

// What is wrong, with the way to the right help. The format was looked for as well as the line
// allows.
struct UsageError {
    std::string message;
    Format format = Format::table;
};

using Parsed = std::variant<Invocation, HelpWanted, VersionWanted, UsageError>;

// `words` without the program's own name.
Parsed parse_command_line(const std::vector<std::string>& words);

}  // namespace syspulse::cli
