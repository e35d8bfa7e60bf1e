// Signals to the manager and jumps of the wall clock, as calls on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

// Watching ends with the object, on the loop thread.
class LoopWatch {
  public:
    virtual ~LoopWatch() = default;
};

// Calls `received` with the number of each signal that arrives. The signals are blocked in the
// calling thread, so call this before any other thread is started; threads inherit it. Several
// arrivals of one signal between two turns of the loop are one call. [loop thread]
Result<std::unique_ptr<LoopWatch>> watch_signals(EventLoop& loop, const std::vector<int>& numbers,
                                                 std::function<void(int)> received);

// A write to a pipe or socket that nobody reads any more fails instead of ending this process. For
// the life of the process; children start with the default again, see the drivers.
void survive_closed_outputs() noexcept;

// Calls `jumped` when somebody set the wall clock. [loop thread]
Result<std::unique_ptr<LoopWatch>> watch_wall_clock(EventLoop& loop, std::function<void()> jumped);

}  // namespace syspulse::platform
