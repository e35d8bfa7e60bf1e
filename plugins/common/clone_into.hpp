// clone(2) for a child that is born in a cgroup.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace syspulse::plugins {

// Like clone() with CLONE_INTO_CGROUP: the child calls `main`, which must not return, with
// `argument` on the `stack_size` bytes from `stack` up. `cgroup` is the directory of a version 2
// cgroup; `flags` name CLONE_PIDFD, and `pidfd` gets the descriptor. Returns the child's number, or
// -1 and errno, which is ENOSYS where the kernel or the architecture has no such call. Only system
// calls, so it may be used with all signals blocked.
pid_t clone_into(int cgroup, int (*main)(void*), void* argument, std::byte* stack,
                 std::size_t stack_size, int flags, int& pidfd);

}  // namespace syspulse::plugins
