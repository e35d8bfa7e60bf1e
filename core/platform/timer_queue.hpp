// One-shot timers in one min-heap, so that thousands of timers need one timer of the OS. Knows no
// clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

// [loop thread]
class TimerQueue {
  public:
    TimerId add(Instant when, std::function<void()> due);
    void remove(TimerId id);

    // The earliest instant at which a live timer is due.
    std::optional<Instant> next();

    // Takes out one timer that is due at `now`; empty if there is none. Timers with the same
    // instant come in the order in which they were added.
    std::function<void()> take_due(Instant now);

    std::size_t size() const { return callbacks_.size(); }

  private:
    struct Entry {
        Instant when;
        TimerId id = 0;
    };
    static bool later(const Entry& a, const Entry& b);
    void drop_dead_front();
    void compact();

    // Cancelled timers stay in the heap until they surface or outnumber the live ones.
    std::vector<Entry> heap_;
    std::unordered_map<TimerId, std::function<void()>> callbacks_;
    TimerId last_id_ = 0;
};

}  // namespace syspulse::platform
