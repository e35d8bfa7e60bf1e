// Who a pid is, told from later processes with the same number: by the inode of its pidfd, which
// the kernel never gives twice (6.9 and later), or by its start time; both within one boot.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syspulse::plugins {

// Fields of /proc/PID/stat.
struct ProcessStat {
    char state = '?';
    bool ending = false;  // No program runs in it any more. It may take long to become a zombie.
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::uint64_t cpu_ticks = 0;  // Its own and that of children it has waited for.
    std::uint64_t threads = 0;
    std::uint64_t start_ticks = 0;  // Since boot.
    std::uint64_t rss_pages = 0;
    std::uint64_t environment_end = 0;  // An address; zero inside exec, at its end, and if hidden.
};

std::optional<ProcessStat> read_process_stat(pid_t pid);

// Empty where /proc is not mounted.
std::string read_boot_id();

// Whether the environment that `pid` was started with has exactly `entry` ("K=V") in it. Nothing
// while it is inside exec, where its new environment is not there yet, or ending.
std::optional<bool> has_environment_entry(pid_t pid, std::string_view entry);

// At most `limit` bytes of a file below /proc; empty if it cannot be read.
std::string read_small_file(const char* path, std::size_t limit);

// Zero where the kernel does not give every process its own.
std::uint64_t pidfd_inode(int pidfd);

struct Identity {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;
    std::string boot_id;
    std::uint64_t inode = 0;  // Of its pidfd; zero where those are not unique.

    std::string to_token() const;  // "pid/start/boot" or "pid/@inode/boot"
    static std::optional<Identity> from_token(std::string_view token);
};

}  // namespace syspulse::plugins
