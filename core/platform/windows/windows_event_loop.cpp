// The event loop on Boost.Asio, which runs on a completion port here. Completion ports do not tell
// that something is ready, so watches are served beside it: sockets by a SocketPoller on a thread
// of its own, all other handles by the system's thread pool. Both only post to the loop, and only
// once: what is still ready is reported again after its callback has run, which makes watches
// level-triggered.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "platform/asio_context.hpp"
#include "platform/timer_queue.hpp"
#include "platform/windows/socket_poller.hpp"
#include "platform/windows/windows_error.hpp"

namespace syspulse::platform {
namespace {

namespace asio = boost::asio;

constexpr std::size_t timers_per_turn = 256;

bool is_socket(NativeHandle handle) {
    int type = 0;
    int size = sizeof type;
    return ::getsockopt(static_cast<SOCKET>(handle), SOL_SOCKET, SO_TYPE,
                        reinterpret_cast<char*>(&type), &size) == 0;
}

// One wait of the system's thread pool for one object.
class ObjectWait {
  public:
    ObjectWait(HANDLE object, std::function<void()> signalled)
        : object_(object), signalled_(std::move(signalled)) {}
    ObjectWait(const ObjectWait&) = delete;
    ObjectWait& operator=(const ObjectWait&) = delete;
    ~ObjectWait() { disarm(); }

    bool arm() {
        disarm();
        return ::RegisterWaitForSingleObject(&wait_, object_, called, this, INFINITE,
                                             WT_EXECUTEONLYONCE) != 0;
    }
    // Waits for a call that runs: it only posts, so that takes no time.
    void disarm() {
        if (wait_ != nullptr) ::UnregisterWaitEx(wait_, INVALID_HANDLE_VALUE);
        wait_ = nullptr;
    }

  private:
    static void CALLBACK called(void* self, BOOLEAN) {
        static_cast<ObjectWait*>(self)->signalled_();
    }

    HANDLE object_;
    HANDLE wait_ = nullptr;
    std::function<void()> signalled_;
};

class AsioEventLoop final : public EventLoop {
  public:
    explicit AsioEventLoop(const Clock& clock)
        : clock_(clock), work_(context_.get_executor()), timer_(context_) {}
    ~AsioEventLoop() override {
        *alive_ = false;
        watches_.clear();
    }

    Result<void> prepare() {
        return poller_.start([this, alive = alive_](WatchId id, std::uint32_t bits) {
            asio::post(context_, [this, alive, id, bits] {
                if (*alive) call_watch(id, bits);
            });
        });
    }

    void post(std::function<void()> task) override { asio::post(context_, std::move(task)); }
    Result<WatchId> watch(NativeHandle handle, std::uint32_t interest,
                          std::function<void(std::uint32_t)> ready) override;
    void rewatch(WatchId id, std::uint32_t interest) override;
    void unwatch(WatchId id) override;
    TimerId start_timer(Instant when, std::function<void()> due) override;
    void cancel_timer(TimerId id) override { timers_.remove(id); }
    void run() override;
    void stop() override { context_.stop(); }

    asio::io_context& context() { return context_; }

  private:
    struct Watch {
        NativeHandle handle = no_handle;
        std::uint32_t interest = 0;
        // Shared so that a callback may unwatch itself while it runs.
        std::shared_ptr<std::function<void(std::uint32_t)>> ready{};
        std::unique_ptr<ObjectWait> object{};  // Null for a socket.
    };

    bool arm(WatchId id, const Watch& watch);
    void call_watch(WatchId id, std::uint32_t bits);
    void serve_timers();
    void set_timer();

    const Clock& clock_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    asio::steady_timer timer_;
    TimerQueue timers_;
    std::optional<Instant> armed_;  // What timer_ is set to; may be earlier than needed.
    // Shared with what is queued when the loop goes.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::unordered_map<WatchId, Watch> watches_;
    WatchId last_watch_ = 0;
    SocketPoller poller_;  // Last: its thread ends before what it calls.
};

Result<WatchId> AsioEventLoop::watch(NativeHandle handle, std::uint32_t interest,
                                     std::function<void(std::uint32_t)> ready) {
    const WatchId id = last_watch_ + 1;
    Watch added{handle, interest & (ready_read | ready_write),
                std::make_shared<std::function<void(std::uint32_t)>>(std::move(ready))};
    if (!is_socket(handle)) {
        added.object = std::make_unique<ObjectWait>(handle_of(handle), [this, alive = alive_, id] {
            asio::post(context_, [this, alive, id] {
                if (*alive) call_watch(id, ready_read);
            });
        });
    }
    if (!arm(id, added)) return os_error("cannot watch handle " + std::to_string(handle));
    last_watch_ = id;
    watches_.emplace(id, std::move(added));
    return id;
}

bool AsioEventLoop::arm(WatchId id, const Watch& watch) {
    if (!watch.object) {
        poller_.arm(id, static_cast<SOCKET>(watch.handle), watch.interest);
        return true;
    }
    if ((watch.interest & ready_read) != 0) return watch.object->arm();
    watch.object->disarm();
    return true;
}

void AsioEventLoop::rewatch(WatchId id, std::uint32_t interest) {
    const auto found = watches_.find(id);
    interest &= ready_read | ready_write;
    if (found == watches_.end() || found->second.interest == interest) return;
    found->second.interest = interest;
    if (!arm(id, found->second)) log::warn(os_error("cannot change the watch of a handle").message);
}

void AsioEventLoop::unwatch(WatchId id) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    if (!found->second.object) poller_.disarm(id);
    watches_.erase(found);
}

void AsioEventLoop::call_watch(WatchId id, std::uint32_t bits) {
    auto found = watches_.find(id);
    if (found == watches_.end()) return;  // Unwatched while this was queued.
    const std::uint32_t interest = found->second.interest;
    if ((bits & ready_error) != 0) bits |= interest;
    bits &= interest | ready_error;
    if (interest == 0) return;
    const auto ready = found->second.ready;
    if (bits != 0) (*ready)(bits);
    found = watches_.find(id);
    if (found == watches_.end() || found->second.interest == 0) return;
    if (!arm(id, found->second)) log::warn(os_error("cannot go on watching a handle").message);
}

TimerId AsioEventLoop::start_timer(Instant when, std::function<void()> due) {
    const TimerId id = timers_.add(when, std::move(due));
    if (!armed_ || when < *armed_) set_timer();
    return id;
}

void AsioEventLoop::set_timer() {
    armed_ = timers_.next();
    if (!armed_) {
        timer_.cancel();
        return;
    }
    // Relative to our clock, so that any Clock works.
    timer_.expires_after(std::max(*armed_ - clock_.now().mono, Duration{0}));
    timer_.async_wait([this, alive = alive_](const boost::system::error_code& failed) {
        if (!failed && *alive) serve_timers();
    });
}

void AsioEventLoop::serve_timers() {
    const Instant now = clock_.now().mono;
    for (std::size_t served = 0; served < timers_per_turn; ++served) {
        const std::function<void()> due = timers_.take_due(now);
        if (!due) break;
        due();
    }
    set_timer();
}

// What a callback throws has left its work half done, and nobody above could mend that: an end
// like a crash is what the keeper restarts the manager after.
void AsioEventLoop::run() {
    try {
        context_.run();
    } catch (const std::exception& thrown) {
        std::fprintf(stderr, "syspulse: an exception reached the event loop: %s\n", thrown.what());
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
        return os_error("cannot prepare the event loop", static_cast<DWORD>(failed.code().value()));
    }
}

asio::io_context& asio_context(EventLoop& loop) {
    auto* const system_loop = dynamic_cast<AsioEventLoop*>(&loop);
    SYSPULSE_ASSERT(system_loop != nullptr, "the endpoint runs on the system event loop only");
    return system_loop->context();
}

}  // namespace syspulse::platform
