// The event loop on Boost.Asio. Asio runs the posted functions and the control endpoint; watches
// and timers live in one epoll set of our own, which Asio watches as a single descriptor. That
// makes watches level-triggered, leaves the flags of foreign descriptors alone (Asio would set
// O_NONBLOCK), and costs a map entry per watch. One timerfd serves all timers; with nothing due the
// loop sleeps in epoll_wait. Other threads wake it through a descriptor of ours: Asio's own ones
// mean nothing in a thread with another table.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "platform/asio_context.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"
#include "platform/timer_queue.hpp"

namespace syspulse::platform {
namespace {

// Bounds what one wake-up does, so that posted work and control requests get their turn in a storm.
constexpr std::size_t events_per_turn = 64;
constexpr std::size_t timers_per_turn = 256;
constexpr WatchId timer_watch = 0;
constexpr WatchId wake_watch = ~WatchId{0};
constexpr std::string_view cannot_prepare = "cannot prepare the event loop";

std::uint32_t epoll_events(std::uint32_t interest) {
    std::uint32_t events = 0;
    if ((interest & ready_read) != 0) events |= EPOLLIN;
    if ((interest & ready_write) != 0) events |= EPOLLOUT;
    return events;
}

// A hang-up wakes whoever waits for data or room: both calls will then tell what happened.
std::uint32_t ready_bits(std::uint32_t events, std::uint32_t interest) {
    std::uint32_t bits = 0;
    if ((events & EPOLLIN) != 0) bits |= ready_read;
    if ((events & EPOLLOUT) != 0) bits |= ready_write;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        bits |= ready_error | (interest & (ready_read | ready_write));
    }
    return bits;
}

class AsioEventLoop final : public EventLoop {
  public:
    explicit AsioEventLoop(const Clock& clock);
    ~AsioEventLoop() override { descriptor_.release(); }

    Result<void> prepare();

    void post(std::function<void()> task) override;
    NativeHandle wake_handle() const override { return wake_.get(); }
    Result<WatchId> watch(NativeHandle handle, std::uint32_t interest,
                          std::function<void(std::uint32_t)> ready) override;
    void rewatch(WatchId id, std::uint32_t interest) override;
    void unwatch(WatchId id) override;
    TimerId start_timer(Instant when, std::function<void()> due) override;
    void cancel_timer(TimerId id) override { timers_.remove(id); }
    void run() override;
    void stop() override { context_.stop(); }

    boost::asio::io_context& context() { return context_; }

  private:
    struct Watch {
        int fd = -1;
        std::uint32_t interest = 0;
        // Shared so that a callback may unwatch itself while it runs.
        std::shared_ptr<std::function<void(std::uint32_t)>> ready;
    };

    bool control(int operation, WatchId id, const Watch& watch);
    void await();
    void take_posted();
    void serve_ready();
    void call_watch(WatchId id, std::uint32_t events);
    void serve_timers();
    void arm();

    const Clock& clock_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    UniqueFd epoll_;
    UniqueFd timer_;
    UniqueFd wake_;
    std::atomic<std::thread::id> loop_thread_ = std::this_thread::get_id();
    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;  // By other threads; guarded by mutex_.
    boost::asio::posix::stream_descriptor descriptor_;
    TimerQueue timers_;
    std::optional<Instant> armed_;  // What the timerfd is set to; may be earlier than needed.
    std::unordered_map<WatchId, Watch> watches_;
    WatchId last_watch_ = timer_watch;
};

AsioEventLoop::AsioEventLoop(const Clock& clock)
    : clock_(clock),
      work_(context_.get_executor()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      descriptor_(context_) {}

Result<void> AsioEventLoop::prepare() {
    if (!epoll_ || !timer_ || !wake_ ||
        !control(EPOLL_CTL_ADD, timer_watch, {timer_.get(), ready_read, nullptr}) ||
        !control(EPOLL_CTL_ADD, wake_watch, {wake_.get(), ready_read, nullptr})) {
        return os_error(cannot_prepare);
    }
    descriptor_.assign(epoll_.get());
    await();
    return {};
}

void AsioEventLoop::post(std::function<void()> task) {
    if (loop_thread_ == std::this_thread::get_id())
        return boost::asio::post(context_, std::move(task));
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(std::move(task));
        if (posted_.size() > 1) return;  // Whoever put the first one woke the loop.
    }
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void AsioEventLoop::take_posted() {
    std::uint64_t ignored = 0;
    static_cast<void>(!::read(wake_.get(), &ignored, sizeof ignored));
    std::vector<std::function<void()>> posted;
    {
        const std::lock_guard lock(mutex_);
        posted.swap(posted_);
    }
    for (auto& task : posted) boost::asio::post(context_, std::move(task));
}

bool AsioEventLoop::control(int operation, WatchId id, const Watch& watch) {
    epoll_event event{};
    event.events = epoll_events(watch.interest);
    event.data.u64 = id;
    return ::epoll_ctl(epoll_.get(), operation, watch.fd, &event) == 0;
}

Result<WatchId> AsioEventLoop::watch(NativeHandle handle, std::uint32_t interest,
                                     std::function<void(std::uint32_t)> ready) {
    const WatchId id = last_watch_ + 1;
    Watch added{static_cast<int>(handle), interest,
                std::make_shared<std::function<void(std::uint32_t)>>(std::move(ready))};
    if (interest != 0 && !control(EPOLL_CTL_ADD, id, added)) {
        return os_error("cannot watch descriptor " + std::to_string(handle));
    }
    last_watch_ = id;
    watches_.emplace(id, std::move(added));
    return id;
}

void AsioEventLoop::rewatch(WatchId id, std::uint32_t interest) {
    const auto found = watches_.find(id);
    if (found == watches_.end() || found->second.interest == interest) return;
    // A registration without interest would still report hang-ups for ever, so none is taken out.
    int operation = EPOLL_CTL_MOD;
    if (found->second.interest == 0) operation = EPOLL_CTL_ADD;
    if (interest == 0) operation = EPOLL_CTL_DEL;
    found->second.interest = interest;
    if (!control(operation, id, found->second)) {
        const std::string fd = std::to_string(found->second.fd);
        log::warn(os_error("cannot change the watch of descriptor " + fd).message);
    }
}

void AsioEventLoop::unwatch(WatchId id) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    if (found->second.interest != 0) control(EPOLL_CTL_DEL, id, found->second);
    watches_.erase(found);
}

TimerId AsioEventLoop::start_timer(Instant when, std::function<void()> due) {
    const TimerId id = timers_.add(when, std::move(due));
    if (!armed_ || when < *armed_) arm();
    return id;
}

void AsioEventLoop::arm() {
    const std::optional<Instant> next = timers_.next();
    armed_ = next;
    itimerspec spec{};
    if (next) {
        // Relative to our clock, so that any Clock works; one nanosecond at least, as zero disarms.
        const Duration delay = std::max(*next - clock_.now().mono, Duration{1});
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
        spec.it_value.tv_sec = seconds.count();
        spec.it_value.tv_nsec = (delay - seconds).count();
    }
    ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

void AsioEventLoop::await() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](const boost::system::error_code& failure) {
                               if (failure) return;
                               serve_ready();
                               await();
                           });
}

void AsioEventLoop::serve_ready() {
    std::array<epoll_event, events_per_turn> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == timer_watch) {
            serve_timers();
        } else if (event.data.u64 == wake_watch) {
            take_posted();
        } else {
            call_watch(event.data.u64, event.events);
        }
    }
}

void AsioEventLoop::call_watch(WatchId id, std::uint32_t events) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;  // An earlier callback of this turn unwatched it.
    const std::uint32_t bits = ready_bits(events, found->second.interest);
    if (bits == 0) return;
    const auto ready = found->second.ready;
    (*ready)(bits);
}

void AsioEventLoop::serve_timers() {
    std::uint64_t expirations = 0;
    const ssize_t got = ::read(timer_.get(), &expirations, sizeof expirations);
    static_cast<void>(got);  // Fails when the timer was set anew since epoll_wait; both are fine.
    const Instant now = clock_.now().mono;
    for (std::size_t served = 0; served < timers_per_turn; ++served) {
        const std::function<void()> due = timers_.take_due(now);
        if (!due) break;
        due();
    }
    arm();
}

// What a callback throws has left its work half done, and nobody above could mend that: an end
// like a crash is what the keeper restarts the manager after.
void AsioEventLoop::run() {
    loop_thread_ = std::this_thread::get_id();
    try {
        context_.run();
    } catch (const std::exception& thrown) {
        log::last_words("an exception reached the event loop: " + std::string(thrown.what()));
        std::abort();
    }
    context_.restart();
}

}  // namespace

Result<std::unique_ptr<EventLoop>> make_event_loop(const Clock& clock) {
    try {
        auto loop = std::make_unique<AsioEventLoop>(clock);
        if (auto prepared = loop->prepare(); !prepared) return prepared.error();
        return std::unique_ptr<EventLoop>(std::move(loop));
    } catch (const boost::system::system_error& failed) {
        return os_error(cannot_prepare, failed.code().value());
    }
}

boost::asio::io_context& asio_context(EventLoop& loop) {
    auto* const system_loop = dynamic_cast<AsioEventLoop*>(&loop);
    SYSPULSE_ASSERT(system_loop != nullptr, "the endpoint runs on the system event loop only");
    return system_loop->context();
}

}  // namespace syspulse::platform
