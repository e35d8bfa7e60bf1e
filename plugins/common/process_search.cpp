#include "common/process_search.hpp"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>

namespace syspulse::plugins {
namespace {

constexpr int search_attempts = 5;

void for_each_process(const std::function<void(pid_t, const ProcessStat&)>& visit) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir("/proc"), &::closedir};
    if (!directory) return;
    while (const dirent* entry = ::readdir(directory.get())) {
        pid_t pid = 0;
        const char* end = entry->d_name + std::strlen(entry->d_name);
        const auto [stop, error] = std::from_chars(entry->d_name, end, pid);
        if (error != std::errc{} || stop != end) continue;
        const auto stat = read_process_stat(pid);
        if (stat && stat->state != 'Z' && stat->state != 'X') visit(pid, *stat);
    }
}

struct Self {
    pid_t pid;
    pid_t parent;
    std::string program;
};

std::string program_of(const char* link) {
    std::array<char, 4096> path;
    const ssize_t size = ::readlink(link, path.data(), path.size());
    return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

Self look_at_self() {
    return {::getpid(), ::getppid(), program_of("/proc/self/exe")};
}

// Whether this is a child that an earlier process of this program has cloned right before it died:
// it runs the same program still, below the same parent, and alone in its session or in a group
// whose leader is gone.
bool is_before_exec(pid_t pid, const ProcessStat& stat, const Self& self) {
    if (stat.parent != self.parent || pid == self.pid) return false;
    const bool alone = stat.session == pid || (::kill(stat.group, 0) != 0 && errno == ESRCH);
    if (!alone) return false;
    std::array<char, 32> link;
    std::snprintf(link.data(), link.size(), "/proc/%d/exe", pid);
    return program_of(link.data()) == self.program;
}

// Whether this may be a child of a keeper or manager that is gone: those are the parent's, the
// first process's, or a service manager's, which is a child of that.
bool may_be_orphan(const ProcessStat& stat, const Self& self) {
    constexpr pid_t first = 1;
    if (stat.parent == self.parent || stat.parent <= first) return true;
    const auto parent = read_process_stat(stat.parent);
    return !parent || parent->parent <= first;
}

}  // namespace

SessionLeader find_session_leader(const std::string& run_id) {
    const std::string marker = std::string(run_id_variable) + '=' + run_id;
    SessionLeader leader;
    auto& found = leader.identity;
    const Self self = look_at_self();
    for (int look = 0; look < search_attempts && !found; ++look) {
        leader.in_doubt = false;
        for_each_process([&](pid_t pid, const ProcessStat& stat) {
            if (is_before_exec(pid, stat, self)) leader.in_doubt = true;
            if (stat.session != pid || (found && found->start_ticks <= stat.start_ticks)) return;
            const auto marked = has_environment_entry(pid, marker);
            if (!marked) {
                // What others run may be long in ending.
                leader.in_doubt = leader.in_doubt || !stat.ending || may_be_orphan(stat, self);
            } else if (*marked) {
                found = Identity{pid, stat.start_ticks, {}, 0};
            }
        });
        if (!leader.in_doubt) break;
    }
    if (found) found->boot_id = read_boot_id();
    leader.in_doubt = leader.in_doubt && !found;
    return leader;
}

GroupMembers find_group_members(pid_t group, const std::string& run_id) {
    const std::string marker = std::string(run_id_variable) + '=' + run_id;
    GroupMembers members;
    for (int look = 0; look < search_attempts; ++look) {
        members = {};
        for_each_process([&](pid_t pid, const ProcessStat& stat) {
            if (stat.group != group) return;
            const auto marked = has_environment_entry(pid, marker);
            if (!marked) {
                members.in_doubt = true;
            } else if (*marked) {
                members.pids.push_back(pid);
            }
        });
        if (!members.in_doubt) break;
    }
    return members;
}

}  // namespace syspulse::plugins
