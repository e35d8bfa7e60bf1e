// What concerns the manager's process as a whole: signals, orphans, changes of the calendar, and
// the service manager above it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "platform/event_loop.hpp"

namespace syspulse::platform {

// Each of these watches until it is destroyed. [loop thread]
class SignalWatch {
  public:
    virtual ~SignalWatch() = default;
};
class OrphanReaper {
  public:
    virtual ~OrphanReaper() = default;
};
class WallClockWatch {
  public:
    virtual ~WallClockWatch() = default;
};

// Calls `received` on the loop thread instead of the signal's default action.
Result<std::unique_ptr<SignalWatch>> watch_signals(EventLoop& loop, const std::vector<int>& numbers,
                                                   std::function<void(int)> received);

// Makes this process the one that inherits orphaned descendants, and buries those that nobody waits
// for. A dead child that `is_ours` is left to its driver; any other one is given a few seconds
// first, because a checker may be about to wait for it.
Result<std::unique_ptr<OrphanReaper>> reap_orphans(EventLoop& loop, const Clock& clock,
                                                   std::function<bool(std::int64_t pid)> is_ours);

// Calls `changed` when the calendar was set, as opposed to having moved on.
Result<std::unique_ptr<WallClockWatch>> watch_wall_clock(EventLoop& loop,
                                                         std::function<void()> changed);

// Tells systemd about "READY=1", "STOPPING=1" and so on when it asked for it ($NOTIFY_SOCKET); see
// sd_notify(3).
void notify_service_manager(std::string_view state);

std::int64_t process_id();

}  // namespace syspulse::platform
