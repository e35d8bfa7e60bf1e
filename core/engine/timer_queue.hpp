// The engine's timers: a heap of deadlines. A timer is named by its daemon, its kind and a
// generation; re-arming or cancelling raises the generation, so that an entry of an older one is
// dropped when it comes up instead of being searched for.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace syspulse::engine {

enum class TimerKind : std::uint8_t {
    backoff,
    kill,
    check_due,
    check_deadline,
    schedule,
    steady,
    request,
};
constexpr std::size_t daemon_timer_kinds = 6;  // All but `request`, which belongs to a RequestId.

struct TimerEntry {
    Instant when;
    TimerKind kind{};
    std::uint32_t generation = 0;
    std::uint64_t owner = 0;     // A DaemonKey, or a RequestId for TimerKind::request.
    std::uint64_t sequence = 0;  // Equal deadlines come up in the order they were armed.
};

class TimerQueue {
  public:
    void add(Instant when, TimerKind kind, std::uint64_t owner, std::uint32_t generation) {
        heap_.push({when, kind, generation, owner, ++last_sequence_});
    }
    std::optional<Instant> next_deadline() const {
        return heap_.empty() ? std::nullopt : std::optional(heap_.top().when);
    }
    // The earliest entry that is due by `now`, removed.
    std::optional<TimerEntry> pop_due(Instant now) {
        if (heap_.empty() || heap_.top().when > now) return std::nullopt;
        TimerEntry entry = heap_.top();
        heap_.pop();
        return entry;
    }
    // The earliest entry, due or not; for dropping stale ones.
    const TimerEntry* peek() const { return heap_.empty() ? nullptr : &heap_.top(); }
    void drop_first() { heap_.pop(); }

  private:
    struct Later {
        bool operator()(const TimerEntry& a, const TimerEntry& b) const {
            return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
        }
    };
    std::priority_queue<TimerEntry, std::vector<TimerEntry>, Later> heap_;
    std::uint64_t last_sequence_ = 0;
};

}  // namespace syspulse::engine
