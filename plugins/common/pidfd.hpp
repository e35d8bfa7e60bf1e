// What the kernel tells about a process through its pidfd.
#pragma once

#include <sys/types.h>

#include <optional>

#include "common/unique_fd.hpp"

namespace syspulse::plugins {

struct ExitInfo {
    bool by_signal = false;
    int value = 0;  // Exit code or signal number.
};

enum class ChildState {
    running,
    exited,
    not_a_child,
};

UniqueFd open_pidfd(pid_t pid);

// Looks without reaping. [any]
ChildState peek_child(int pidfd, ExitInfo& info);

void reap_child(int pidfd);

// The exit status of a process that is nobody's child of ours, where the kernel keeps it
// (Linux 6.15 and later, once its parent has reaped it).
std::optional<ExitInfo> query_exit(int pidfd);

// Returns an errno; 0 also when the process is gone.
int signal_pidfd(int pidfd, int signal);

}  // namespace syspulse::plugins
