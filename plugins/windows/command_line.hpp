// How a program and its arguments are told to Windows.
#pragma once

#include <string>
#include <vector>

namespace syspulse::plugins::windows {

// One text from which CommandLineToArgvW, and the C library of the child, make the same arguments
// again. Throws sdk::Error for what no command line can hold: more than 32 766 characters, or a
// zero in an argument.
std::wstring command_line(const std::vector<std::string>& argv);

// The program of a command: with a path as it is (from `cwd`), else looked up in PATH of `env`;
// ".exe" may be left out. Throws sdk::Error when there is none, and for .cmd and .bat files, which
// cmd.exe would run by other rules of quoting: an argument could become a command of its own.
std::wstring find_program(const std::string& name, const std::string& cwd,
                          const std::vector<std::string>& env);

// "NAME=value" entries as CreateProcessW takes them: sorted, each ended by a zero, the last by two.
// Of two entries for one name, in any case, the last counts. What Windows itself needs and the
// environment does not set is added.
std::wstring environment_block(const std::vector<std::string>& env);

}  // namespace syspulse::plugins::windows
