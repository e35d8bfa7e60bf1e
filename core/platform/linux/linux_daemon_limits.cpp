#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "platform/daemon_limits.hpp"

namespace syspulse::platform {
namespace {

// The manager's own: registry, log, endpoint, event loop.
constexpr std::uint64_t own_descriptors = 40;
// The manager's threads, its keeper and the processes of plugins.
constexpr std::uint64_t own_tasks = 16;
// Those and the processes of the system.
constexpr std::uint64_t all_other_tasks = 256;

std::uint64_t left(std::uint64_t limit, std::uint64_t taken) {
    return limit - std::min(limit, taken);
}

// Nothing where the file is missing or says "max".
std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::uint64_t number = 0;
    return in >> number ? std::optional(number) : std::nullopt;
}

std::string with_number(const std::string& name, std::uint64_t number) {
    return name + " (" + std::to_string(number) + ")";
}

void add_processes(std::vector<DaemonLimit>& limits, const std::string& name,
                   std::optional<std::uint64_t> limit, std::uint64_t taken, std::string remedy) {
    if (limit)
        limits.push_back({left(*limit, taken), with_number(name, *limit), std::move(remedy)});
}

// Of the cgroup v2 that the manager is in; a parent's limit may be lower, but is not ours to read.
std::optional<std::uint64_t> tasks_of_cgroup() {
    std::ifstream in("/proc/self/cgroup");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("0::/"))
            return number_in("/sys/fs/cgroup" + line.substr(3) + "/pids.max");
    }
    return std::nullopt;
}

}  // namespace

std::vector<DaemonLimit> daemon_limits() {
    std::vector<DaemonLimit> limits;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        limits.push_back({left(limit.rlim_cur, descriptors_kept_free + own_descriptors),
                          with_number("the limit of open descriptors", limit.rlim_cur),
                          "raise the hard limit (ulimit -Hn, or LimitNOFILE= of the manager's "
                          "systemd unit)"});
    }
    // Nobody counts the processes of root.
    if (::geteuid() != 0 && ::getrlimit(RLIMIT_NPROC, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY) {
        add_processes(limits, "the limit of processes of this user", limit.rlim_cur, own_tasks,
                      "raise ulimit -u, or LimitNPROC= of the manager's systemd unit");
    }
    add_processes(limits, "the limit of tasks of the manager's cgroup", tasks_of_cgroup(),
                  own_tasks, "raise pids.max, or TasksMax= of the manager's systemd unit");
    add_processes(limits, "the limit of processes of this system",
                  number_in("/proc/sys/kernel/pid_max"), all_other_tasks,
                  "raise the sysctl kernel.pid_max");
    add_processes(limits, "the limit of threads of this system",
                  number_in("/proc/sys/kernel/threads-max"), all_other_tasks,
                  "raise the sysctl kernel.threads-max");
    return limits;
}

}  // namespace syspulse::platform
