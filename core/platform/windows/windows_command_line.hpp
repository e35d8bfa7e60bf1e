// How an argument is written into the one command line that a program of Windows gets.
#pragma once

#include <string>
#include <string_view>

namespace syspulse::platform {

// As the C runtime and CommandLineToArgvW read it. See the driver `job`, which quotes for foreign
// programs; this is for our own.
std::wstring quoted_argument(std::wstring_view argument);

}  // namespace syspulse::platform
