#include <sys/prctl.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/orphan_reaper.hpp"

namespace syspulse::platform {
namespace {

constexpr Duration grace = std::chrono::seconds{2};

// Children belong to the thread that made them, so every thread has its list.
std::vector<pid_t> children() {
    std::vector<pid_t> pids;
    std::error_code failure;
    std::filesystem::directory_iterator task("/proc/self/task", failure);
    for (; !failure && task != std::filesystem::directory_iterator(); task.increment(failure)) {
        std::ifstream list(task->path() / "children");
        for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
    }
    return pids;
}

bool has_ended(pid_t pid) {
    siginfo_t info{};
    const int found = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    return found == 0 && info.si_pid == pid;
}

class LinuxOrphanReaper final : public OrphanReaper {
  public:
    LinuxOrphanReaper(EventLoop& loop, const Clock& clock,
                      std::function<bool(std::int64_t)> is_ours)
        : loop_(loop), clock_(clock), is_ours_(std::move(is_ours)) {}
    ~LinuxOrphanReaper() override { loop_.cancel_timer(timer_); }

    void child_ended() override {
        if (timer_ != 0) return;
        timer_ = loop_.start_timer(clock_.now().mono + grace, [this] { look(); });
    }

  private:
    void look() {
        timer_ = 0;
        std::unordered_set<pid_t> seen;
        for (const pid_t pid : children()) {
            if (is_ours_(pid) || !has_ended(pid)) continue;
            if (suspects_.contains(pid)) {
                reap(pid);
            } else {
                seen.insert(pid);
            }
        }
        suspects_ = std::move(seen);
        if (!suspects_.empty()) child_ended();
    }

    static void reap(pid_t pid) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) != 0) return;
        log::debug("collected orphan process " + std::to_string(pid));
    }

    EventLoop& loop_;
    const Clock& clock_;
    std::function<bool(std::int64_t)> is_ours_;
    std::unordered_set<pid_t> suspects_;  // Ended and not ours when we looked last.
    TimerId timer_ = 0;
};

}  // namespace

Result<void> become_subreaper() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0) return {};
    return os_error("cannot become the parent of orphans");
}

std::unique_ptr<OrphanReaper> make_orphan_reaper(EventLoop& loop, const Clock& clock,
                                                 std::function<bool(std::int64_t)> is_ours) {
    return std::make_unique<LinuxOrphanReaper>(loop, clock, std::move(is_ours));
}

}  // namespace syspulse::platform
