#include "common/pidfd.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdint>

namespace syspulse::plugins {
namespace {

constexpr auto by_pidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older C libraries lack.

// The kernel's struct pidfd_info as of 6.15; the size is part of the ioctl's number.
struct PidfdInfo {
    std::uint64_t mask;
    std::uint64_t cgroup_id;
    std::uint32_t pid, tgid, ppid;
    std::uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    std::int32_t exit_code;
};
constexpr std::uint64_t info_exit = 1U << 3;
constexpr unsigned long get_info = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

UniqueFd open_pidfd(pid_t pid) {
    return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

ChildState peek_child(int pidfd, ExitInfo& info) {
    siginfo_t status{};
    const auto id = static_cast<id_t>(pidfd);
    if (::waitid(by_pidfd, id, &status, WEXITED | WNOHANG | WNOWAIT) != 0) {
        return ChildState::not_a_child;
    }
    if (status.si_pid == 0) return ChildState::running;
    info.by_signal = status.si_code != CLD_EXITED;
    info.value = status.si_status;
    return ChildState::exited;
}

void reap_child(int pidfd) {
    siginfo_t status{};
    (void)::waitid(by_pidfd, static_cast<id_t>(pidfd), &status, WEXITED | WNOHANG);
}

std::optional<ExitInfo> query_exit(int pidfd) {
    PidfdInfo raw{};
    raw.mask = info_exit;
    if (::ioctl(pidfd, get_info, &raw) != 0 || (raw.mask & info_exit) == 0) return std::nullopt;
    ExitInfo info;
    info.by_signal = WIFSIGNALED(raw.exit_code);
    info.value = info.by_signal ? WTERMSIG(raw.exit_code) : WEXITSTATUS(raw.exit_code);
    return info;
}

int signal_pidfd(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 || errno == ESRCH)
        return 0;
    return errno;
}

}  // namespace syspulse::plugins
