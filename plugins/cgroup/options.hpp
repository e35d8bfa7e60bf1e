// What a spec asks of the driver: limits and confinement, checked before anything is started.
#pragma once

#include <syspulse/plugin.hpp>

#include <string>
#include <vector>

#include "cgroup/run_group.hpp"
#include "cgroup/subtree.hpp"
#include "common/child.hpp"

namespace syspulse::plugins::cgroup {

struct Options {
    std::string parent;
    std::vector<Need> needs;
    std::vector<Setting> settings;
    std::vector<std::string> read_only;  // Holds what `confinement` points to.
    Confinement confinement;
};

sdk::Schema options_schema();

// Throws sdk::Error with SYSP_E_CONFIG, its message beginning with the option at fault.
Options read_options(const sdk::Config& config, const sysp_limits& limits);

// Refuses what asks for a controller that this machine does not have. Makes nothing. Throws
// sdk::Error whose message begins with the JSON Pointer of the option or limit.
void check_controllers(const Options& options);

// Refuses limits that the cgroups above `base` make pointless. Throws sdk::Error.
void check_ceilings(const std::vector<Setting>& settings, const Subtree& subtree);

}  // namespace syspulse::plugins::cgroup
