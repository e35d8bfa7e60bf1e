// Finding processes of a run through /proc, for runs whose leader's number is unknown or may be
// reused.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/process_identity.hpp"

namespace syspulse::plugins {

// The name of the environment variable that marks a process as part of a run.
inline constexpr const char* run_id_variable = "SYSPULSE_RUN_ID";

struct SessionLeader {
    std::optional<Identity> identity;
    // It was not found, but some process is on its way to become what it will be, so that it may be
    // that one.
    bool in_doubt = false;
};

// The live session leader that was started with this run id; the oldest if there are several.
SessionLeader find_session_leader(const std::string& run_id);

struct GroupMembers {
    std::vector<pid_t> pids;
    bool in_doubt = false;  // Another one is inside exec, where nothing tells whose it is.
};

// Live processes of the process group `group` that were started with this run id.
GroupMembers find_group_members(pid_t group, const std::string& run_id);

}  // namespace syspulse::plugins
