// Turns a spawn request into what the child needs, before the child exists: user, groups, program
// path.
#pragma once

#include <syspulse/plugin.hpp>

#include <optional>
#include <string>
#include <vector>

#include "common/child.hpp"
#include "common/process_identity.hpp"

namespace syspulse::plugins {

class Accounts;

// "name", "uid", "name:group" or "uid:gid". Empty, or the user that we are already: no change.
std::optional<Credentials> resolve_user(const std::string& user);

// Where `name` may be, in the order of execvp and with PATH of the child's environment: what is
// there, and what this process cannot look at but the child perhaps can. Throws sdk::Error with
// ENOENT when no directory has it.
std::vector<std::string> find_programs(const std::string& name, const std::vector<std::string>& env,
                                       const std::string& cwd);

// The environment of the request, marked with its run id.
std::vector<std::string> marked_environment(const sdk::SpawnRequest& request);

// The number of a signal of the ABI. Throws what this system does not have.
int signal_number(std::int32_t sig, std::int32_t os_sig);

// What a live process can be told from others by.
Identity identify(pid_t pid, int pidfd, const std::string& boot_id);

// Whether the live process with this number is the one that the identity was taken from. Throws
// when the system refuses to tell.
bool is_alive(const Identity& identity, const std::string& boot_id);

// What a recovery throws that has found nothing. Who cannot see a process, for want of descriptors
// or of /proc, must not say that it is gone: then this throws itself.
sdk::Error nothing_found();

// A spawn request made ready: holds what its plan borrows, and borrows from the request itself.
class Preparation {
  public:
    // Throws sdk::Error when the command is empty or not found, or the user is unknown.
    Preparation(const sdk::SpawnRequest& request, Accounts& accounts);
    Preparation(const Preparation&) = delete;
    Preparation& operator=(const Preparation&) = delete;

    // The user that the child runs as.
    uid_t uid() const;
    // Owned by the caller until the launch is over; the rest of the plan is filled in already.
    ChildPlan& plan() { return plan_; }
    // Throws sdk::Error such as "cannot execute /no/such: No such file or directory (stage exec)".
    Launch start() const;
    // What somebody else has launched by the plan: itself, or such an error.
    Launch checked(Launch launched) const;

  private:
    const sdk::SpawnRequest& request_;
    std::vector<std::string> env_;
    std::vector<std::string> programs_;
    std::vector<const char*> alternatives_;
    std::vector<char*> argv_;
    std::vector<char*> envp_;
    std::optional<Credentials> credentials_;
    ChildPlan plan_;
};

}  // namespace syspulse::plugins
