// The cgroup hierarchies of this machine as this process sees them: version 2, version 1, or both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syspulse::plugins::cgroup {

struct Hierarchy {
    bool unified = false;                  // Version 2.
    std::string mount;                     // Where it is mounted.
    std::string own;                       // The directory of this process's cgroup.
    std::vector<std::string> controllers;  // Of a version 1 hierarchy.

    bool has(std::string_view controller) const;
};

// From /proc/self/mountinfo and /proc/self/cgroup. Named version 1 hierarchies are left out.
std::vector<Hierarchy> find_hierarchies();

// The same from the text of both files; `exists` tells which directories there are.
std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo, std::string_view cgroups,
                                         bool (*exists)(const std::string&));

}  // namespace syspulse::plugins::cgroup
