// The one command line that a program of Windows gets.
#pragma once

#include <string>
#include <string_view>

namespace syspulse::platform {

// How an argument is written into it, as the C runtime and CommandLineToArgvW read it. See the
// driver `job`, which quotes for foreign programs; this is for our own.
std::wstring quoted_argument(std::wstring_view argument);

// Whether the command line of a service is that of a manager, `syspulse ... service run ...`, by a
// program that is named syspulse, with or without more to it, or as this one is.
bool runs_service(const std::wstring& line, const std::wstring& this_program);

}  // namespace syspulse::platform
