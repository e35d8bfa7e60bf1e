#include "common/process_search.hpp"

#include <dirent.h>

#include <charconv>
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

}  // namespace

std::optional<Identity> find_session_leader(const std::string& run_id) {
    const std::string marker = std::string(run_id_variable) + '=' + run_id;
    std::optional<Identity> result;
    // The environment of a process reads as empty while it is inside exec, so one look may miss it.
    for (int look = 0; look < search_attempts && !result; ++look) {
        for_each_process([&](pid_t pid, const ProcessStat& stat) {
            if (stat.session != pid || (result && result->start_ticks <= stat.start_ticks)) return;
            if (has_environment_entry(pid, marker)) result = Identity{pid, stat.start_ticks, {}, 0};
        });
    }
    if (result) result->boot_id = read_boot_id();
    return result;
}

std::vector<pid_t> find_group_members(pid_t group, const std::string& run_id) {
    const std::string marker = std::string(run_id_variable) + '=' + run_id;
    std::vector<pid_t> result;
    for_each_process([&](pid_t pid, const ProcessStat& stat) {
        if (stat.group == group && has_environment_entry(pid, marker)) result.push_back(pid);
    });
    return result;
}

}  // namespace syspulse::plugins
