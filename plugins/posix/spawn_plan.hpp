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

// Where `name` may be, in the order of execvp and with PATH of the child's environment: what is
// there, and what this process cannot look at but the child perhaps can. Throws sdk::Error with
// ENOENT when no directory has it.
std::vector<std::string> find_programs(const std::string& name, const std::vector<std::string>& env,
                                       const std::string& cwd);

// Throws sdk::Error when the child, who becomes `credentials` if there are any, would not be bound
// by one of them.
std::vector<Limit> to_limits(const sysp_limits& limits, const Credentials* credentials);

// "cannot execute /no/such: No such file or directory (stage exec)"
sdk::Error launch_error(const Launch& failed, const sdk::SpawnRequest& request,
                        const std::string& program);

}  // namespace syspulse::plugins::posix
