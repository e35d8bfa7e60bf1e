// Starts a child at the price of vfork: the child borrows the parent's memory until exec, so
// nothing of the manager's page tables is copied, and a failure comes back as an errno and the
// stage that failed. Who starts it may wait for exec or go on meanwhile.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/confinement.hpp"
#include "common/unique_fd.hpp"

namespace syspulse::plugins {

struct Credentials {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};

struct Limit {
    int resource;  // RLIMIT_*
    rlim_t value;  // Becomes the soft and the hard limit.
};

// Everything is resolved before the clone: the child may only make system calls. Pointers are
// borrowed until the child has called exec.
struct ChildPlan {
    const char* path = nullptr;  // Absolute, or relative to `cwd`.
    // More paths, ended by nullptr, that are tried in order when the child may not execute, or does
    // not find, the one before; nullptr: none.
    const char* const* alternatives = nullptr;
    char* const* argv = nullptr;
    char* const* env = nullptr;
    const char* cwd = nullptr;                 // nullptr: stay.
    std::array<int, 3> stdio = {-1, -1, -1};   // -1: the null device.
    const Credentials* credentials = nullptr;  // nullptr: keep the parent's.
    const Limit* limits = nullptr;
    std::size_t limit_count = 0;
    int cgroup = -1;  // Directory of the version 2 cgroup to be born in; -1: the parent's.
    const int* joins = nullptr;  // Directories of version 1 cgroups to enter before exec.
    std::size_t join_count = 0;
    const Confinement* confinement = nullptr;
    // Null, or shared memory in which the child leaves its number before it can end, and zero when
    // it fails before exec.
    std::int32_t* pid_slot = nullptr;
};

struct Launch {
    pid_t pid = -1;  // Also the id of the child's session and process group. -1: see error.
    UniqueFd pidfd;
    int error = 0;                // errno
    std::size_t tried = 0;        // Which path it is about: 0 is `path`, 1 the first alternative.
    const char* stage = nullptr;  // "start", "cgroup", "session", "stdio", "limits", "confine",
                                  // "user", "chdir", "exec".
};

// Optional: takes the few descriptors that so many launches at a time need while low numbers are
// free, which is what keeps the cost of a launch independent of how many are open. [any thread]
void prepare_launches(std::size_t at_a_time = 1);

// The child gets its own session, no other descriptor than its three, default signal
// dispositions, an empty signal mask and the descriptor limit that this process was started with. A
// child that failed is reaped already.
Launch launch(const ChildPlan& plan);

// Whether a BeginningLaunch returns before its child has called exec. Not in builds with
// sanitizers, nor on processors whose system calls only the C library can make.
bool launches_go_on_beside();

struct ChildContext;
class StdioLease;

// A launch that its caller need not wait for. A child that is to be confined or born in a cgroup is
// waited for all the same. One thread at a time.
class BeginningLaunch {
  public:
    // The plan with what it borrows has to outlive the object.
    explicit BeginningLaunch(const ChildPlan& plan);
    // Waits until the child runs on this process's memory no longer, which may be for ever: see
    // end().
    ~BeginningLaunch();
    BeginningLaunch(const BeginningLaunch&) = delete;
    BeginningLaunch& operator=(const BeginningLaunch&) = delete;

    // Whether the child has called exec, or ended, or there is none.
    bool settled() const;
    bool wait_until_settled(std::chrono::nanoseconds at_most) const;
    // Kills a child that has not settled. False: it has.
    bool kill() const;
    // The same, and waits for its end. False: it cannot be killed now, so that neither this object
    // nor the plan may go away.
    bool end(std::chrono::nanoseconds at_most);
    // Once, when it has settled.
    Launch result();

  private:
    static constexpr std::size_t stack_size = 32 * 1024;

    pid_t start(ChildContext& context);

    std::unique_ptr<ChildContext> context_;
    std::unique_ptr<StdioLease> stdio_;
    pid_t pid_ = -1;
    int pidfd_ = -1;  // Written by the kernel.
    int start_error_ = 0;
    // The kernel writes zero and wakes who waits when the child leaves this process's memory.
    mutable std::uint32_t on_our_memory_ = 0;
    alignas(16) std::byte stack_[stack_size];
};

// Sends `signal` to the group that `leader` leads; a group that is gone is success. Returns an
// errno.
int signal_group(pid_t leader, int signal);

}  // namespace syspulse::plugins
