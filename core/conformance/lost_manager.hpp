// A manager that ends in the middle of its work as if it were killed: a process of the kit with the
// real plugin host.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/isolated.hpp"

namespace syspulse::conformance {

// What a manager had before its end: the number of the plugin's process, and of a driver that
// of a run, its run id and its token, each after a space. Empty if there was none that worked.
std::string told_by_lost_manager(Case& c, const PluginFolder& folder);

// That manager's part, of a process that was started with these words.
constexpr std::string_view lost_manager_verb = "manager";
std::vector<std::string> lost_manager_words(const Case& c, const std::filesystem::path& folder);
// Says what it has and ends.
[[noreturn]] void be_the_lost_manager(Case& c, const std::filesystem::path& folder,
                                      const platform::OwnedHandle& channel);

}  // namespace syspulse::conformance
