#include <dirent.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>

#include "platform/asio_context.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"
#include "platform/process_control.hpp"

namespace syspulse::platform {
namespace {

// How long a dead child may wait to be waited for by whoever started it.
constexpr Duration burial_delay = std::chrono::seconds{5};

class AsioSignals final : public SignalWatch {
  public:
    AsioSignals(EventLoop& loop, std::function<void(int)> received)
        : set_(asio_context(loop)), received_(std::move(received)) {}
    void add(int number) { set_.add(number); }
    void wait() {
        set_.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) return;  // Destroyed.
            wait();
            received_(number);
        });
    }

  private:
    boost::asio::signal_set set_;
    std::function<void(int)> received_;
};

// The children of all threads of this process.
std::vector<std::int64_t> children() {
    std::vector<std::int64_t> pids;
    DIR* tasks = opendir("/proc/self/task");
    if (tasks == nullptr) return pids;
    while (const dirent* task = readdir(tasks)) {
        if (task->d_name[0] == '.') continue;
        std::ifstream list("/proc/self/task/" + std::string(task->d_name) + "/children");
        std::int64_t pid = 0;
        while (list >> pid) pids.push_back(pid);
    }
    closedir(tasks);
    return pids;
}

class LinuxOrphanReaper final : public OrphanReaper {
  public:
    LinuxOrphanReaper(EventLoop& loop, std::function<bool(std::int64_t)> is_ours)
        : loop_(loop), is_ours_(std::move(is_ours)) {}
    ~LinuxOrphanReaper() override {
        if (timer_ != 0) loop_.cancel_timer(timer_);
    }

    Result<void> begin(const Clock& clock) {
        clock_ = &clock;
        auto signals = watch_signals(loop_, {SIGCHLD}, [this](int) { look_later(); });
        if (!signals) return signals.error();
        signals_ = std::move(*signals);
        return {};
    }

  private:
    void look_later() {
        if (timer_ != 0) return;
        timer_ = loop_.start_timer(clock_->now().mono + burial_delay, [this] {
            timer_ = 0;
            look();
        });
    }

    void look() {
        std::set<std::int64_t> dead;
        for (const std::int64_t pid : children()) {
            siginfo_t info{};
            const auto id = static_cast<id_t>(pid);
            if (is_ours_(pid) || waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
                continue;
            if (info.si_pid == 0) continue;
            if (seen_dead_.contains(pid)) {
                waitid(P_PID, id, &info, WEXITED | WNOHANG);
            } else {
                dead.insert(pid);
            }
        }
        seen_dead_ = std::move(dead);
        if (!seen_dead_.empty()) look_later();
    }

    EventLoop& loop_;
    std::function<bool(std::int64_t)> is_ours_;
    const Clock* clock_ = nullptr;
    std::unique_ptr<SignalWatch> signals_;
    std::set<std::int64_t> seen_dead_;  // Found dead by the last look and still there.
    TimerId timer_ = 0;
};

class LinuxWallClockWatch final : public WallClockWatch {
  public:
    LinuxWallClockWatch(EventLoop& loop, UniqueFd fd, std::function<void()> changed)
        : loop_(loop), fd_(std::move(fd)), changed_(std::move(changed)) {}
    ~LinuxWallClockWatch() override {
        if (watch_ != 0) loop_.unwatch(watch_);
    }

    Result<void> begin() {
        arm();
        auto watch = loop_.watch(fd_.get(), ready_read, [this](std::uint32_t) { on_ready(); });
        if (!watch) return watch.error();
        watch_ = *watch;
        return {};
    }

  private:
    // A timer that never comes due; the kernel cancels it when the calendar is set.
    void arm() {
        itimerspec far{};
        far.it_value.tv_sec = static_cast<time_t>(4'000'000'000);
        timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, nullptr);
    }
    void on_ready() {
        std::uint64_t count = 0;
        const bool cancelled = read(fd_.get(), &count, sizeof count) < 0 && errno == ECANCELED;
        arm();
        if (cancelled) changed_();
    }

    EventLoop& loop_;
    UniqueFd fd_;
    std::function<void()> changed_;
    WatchId watch_ = 0;
};

}  // namespace

Result<std::unique_ptr<SignalWatch>> watch_signals(EventLoop& loop, const std::vector<int>& numbers,
                                                   std::function<void(int)> received) {
    try {
        auto watch = std::make_unique<AsioSignals>(loop, std::move(received));
        for (const int number : numbers) watch->add(number);
        watch->wait();
        return std::unique_ptr<SignalWatch>(std::move(watch));
    } catch (const std::exception& e) {
        return Error{ErrorCode::internal, std::string("cannot watch signals: ") + e.what()};
    }
}

Result<std::unique_ptr<OrphanReaper>> reap_orphans(EventLoop& loop, const Clock& clock,
                                                   std::function<bool(std::int64_t)> is_ours) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return Error{ErrorCode::internal,
                     std::string("cannot become the reaper of orphans: ") + std::strerror(errno)};
    }
    auto reaper = std::make_unique<LinuxOrphanReaper>(loop, std::move(is_ours));
    if (auto begun = reaper->begin(clock); !begun) return begun.error();
    return std::unique_ptr<OrphanReaper>(std::move(reaper));
}

Result<std::unique_ptr<WallClockWatch>> watch_wall_clock(EventLoop& loop,
                                                         std::function<void()> changed) {
    UniqueFd fd(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!fd)
        return Error{ErrorCode::internal,
                     std::string("cannot watch the calendar: ") + std::strerror(errno)};
    auto watch = std::make_unique<LinuxWallClockWatch>(loop, std::move(fd), std::move(changed));
    if (auto begun = watch->begin(); !begun) return begun.error();
    return std::unique_ptr<WallClockWatch>(std::move(watch));
}

void notify_service_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
    const std::size_t length = std::strlen(path);
    if (length >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';
    const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    // A service manager that does not listen is no reason not to run.
    static_cast<void>(sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), size));
}

std::int64_t process_id() {
    return getpid();
}

}  // namespace syspulse::platform
