// Turns a spawn request into what the child needs, before the child exists: user, groups, program
// path.
#pragma once

#include <syspulse/plugin.hpp>

#include <optional>
#include <string>
#include <vector>

#include "common/child.hpp"

namespace syspulse::plugins::posix {

// "name", "uid", "name:group" or "uid:gid". Empty, or the user that we are already: no change.
std::optional<Credentials> resolve_user(const std::string& user);

// Where execve finds `name`, by the rules of execvp and with PATH of the child's environment.
// Throws sdk::Error with ENOENT when no directory has it.
std::string find_program(const std::string& name, const std::vector<std::string>& env,
                         const std::string& cwd);

std::vector<Limit> to_limits(const sysp_limits& limits);

// "cannot execute /no/such: No such file or directory (stage exec)"
sdk::Error launch_error(const Launch& failed, const sdk::SpawnRequest& request,
                        const std::string& program);

}  // namespace syspulse::plugins::posix
