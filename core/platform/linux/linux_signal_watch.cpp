#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <cstdint>
#include <ctime>
#include <utility>

#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"
#include "platform/signal_watch.hpp"

namespace syspulse::platform {
namespace {

// A descriptor that is drained by a function whenever it is readable.
class DescriptorWatch : public LoopWatch {
  public:
    DescriptorWatch(EventLoop& loop, UniqueFd fd) : loop_(loop), fd_(std::move(fd)) {}
    ~DescriptorWatch() override {
        if (watch_ != 0) loop_.unwatch(watch_);
    }

    Result<void> begin(std::function<void()> readable) {
        const auto watched = loop_.watch(
            fd_.get(), ready_read, [readable = std::move(readable)](std::uint32_t) { readable(); });
        if (!watched) return watched.error();
        watch_ = *watched;
        return {};
    }
    int fd() const { return fd_.get(); }

  private:
    EventLoop& loop_;
    UniqueFd fd_;
    WatchId watch_ = 0;
};

class SignalWatch final : public DescriptorWatch {
  public:
    SignalWatch(EventLoop& loop, UniqueFd fd, const sigset_t& before)
        : DescriptorWatch(loop, std::move(fd)), before_(before) {}
    ~SignalWatch() override { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_;
};

void read_signals(int fd, const std::function<void(int)>& received) {
    signalfd_siginfo info{};
    while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        received(static_cast<int>(info.ssi_signo));
    }
}

// Seconds since 1970, in the year 2242.
constexpr std::time_t far_away = std::time_t{1} << 33;

// The timer never fires by itself; its only use is that setting the clock cancels it.
bool arm_far_away(int fd) {
    itimerspec spec{};
    spec.it_value.tv_sec = far_away;
    return ::timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr) == 0;
}

}  // namespace

Result<std::unique_ptr<LoopWatch>> watch_signals(EventLoop& loop, const std::vector<int>& numbers,
                                                 std::function<void(int)> received) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : numbers) ::sigaddset(&set, number);
    UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return os_error("cannot watch signals");
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &set, &before);
    auto watch = std::make_unique<SignalWatch>(loop, std::move(fd), before);
    const auto begun = watch->begin(
        [raw = watch->fd(), received = std::move(received)] { read_signals(raw, received); });
    if (!begun) return begun.error();
    return std::unique_ptr<LoopWatch>(std::move(watch));
}

void survive_closed_outputs() noexcept {
    ::signal(SIGPIPE, SIG_IGN);
}

Result<std::unique_ptr<LoopWatch>> watch_wall_clock(EventLoop& loop, std::function<void()> jumped) {
    UniqueFd fd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!fd || !arm_far_away(fd.get())) return os_error("cannot watch the wall clock");
    auto watch = std::make_unique<DescriptorWatch>(loop, std::move(fd));
    const auto begun = watch->begin([raw = watch->fd(), jumped = std::move(jumped)] {
        std::uint64_t expirations = 0;
        const bool cancelled =
            ::read(raw, &expirations, sizeof expirations) < 0 && errno == ECANCELED;
        arm_far_away(raw);
        if (cancelled) jumped();
    });
    if (!begun) return begun.error();
    return std::unique_ptr<LoopWatch>(std::move(watch));
}

}  // namespace syspulse::platform
