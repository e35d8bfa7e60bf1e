// Version 2 settings in the words of version 1.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syspulse::plugins::cgroup {

// The files and values of version 1 that mean the same; empty if it has no such thing.
std::vector<std::pair<std::string, std::string>> legacy_setting(std::string_view file,
                                                                const std::string& value);

}  // namespace syspulse::plugins::cgroup
