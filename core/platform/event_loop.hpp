// One thread's loop: handles becoming ready, one-shot timers, functions posted from other threads.
// The manager's loop and the plugins' reactor (`syspulse.io`) are both this.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/clock.hpp"

namespace syspulse::platform {

// A POSIX file descriptor, or a Windows HANDLE value.
using NativeHandle = std::int64_t;
constexpr NativeHandle no_handle = -1;

// Names a watch or a timer of one loop; never reused, zero is none.
using WatchId = std::uint64_t;
using TimerId = std::uint64_t;

enum Ready : std::uint32_t { ready_read = 1, ready_write = 2, ready_error = 4 };

class EventLoop {
  public:
    virtual ~EventLoop() = default;

    // Runs `task` on the loop's thread, after what is already queued. [any thread]
    virtual void post(std::function<void()> task) = 0;
    // What post() wakes the loop with: a thread that leaves the process's table of descriptors has
    // to keep it open. [any thread]
    virtual NativeHandle wake_handle() const { return no_handle; }

    // Calls `ready` with a set of Ready bits for as long as the handle is ready (level-triggered),
    // until unwatch(). The handle stays the caller's and must stay open until then. [loop thread]
    virtual Result<WatchId> watch(NativeHandle handle, std::uint32_t interest,
                                  std::function<void(std::uint32_t)> ready) = 0;
    virtual void rewatch(WatchId id, std::uint32_t interest) = 0;  // [loop thread]
    virtual void unwatch(WatchId id) = 0;  // No call after it returns. [loop thread]

    // Calls `due` once, not before `when`. [loop thread]
    virtual TimerId start_timer(Instant when, std::function<void()> due) = 0;
    virtual void cancel_timer(TimerId id) = 0;  // No call after it returns. [loop thread]

    // Runs until stop(). The calling thread is the loop thread.
    virtual void run() = 0;
    virtual void stop() = 0;  // [any thread]
};

// The system event loop; fails where no descriptors are left for it. core/api reaches its Asio
// context through asio_context.hpp.
Result<std::unique_ptr<EventLoop>> make_event_loop(const Clock& clock);

}  // namespace syspulse::platform
