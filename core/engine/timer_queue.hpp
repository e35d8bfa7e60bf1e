// The engine's timers: a heap of deadlines. A timer is named by its daemon, its kind and a
// generation; re-arming or cancelling raises the generation, so that an entry of an older one is
// dropped when it comes up instead of being searched for, or when such entries crowd the heap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
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
        heap_.push_back({when, kind, generation, owner, ++last_sequence_});
        std::ranges::push_heap(heap_, Later{});
    }
    std::optional<Instant> next_deadline() const {
        return heap_.empty() ? std::nullopt : std::optional(heap_.front().when);
    }
    // The earliest entry that is due by `now`, removed.
    std::optional<TimerEntry> pop_due(Instant now) {
        if (heap_.empty() || heap_.front().when > now) return std::nullopt;
        TimerEntry entry = heap_.front();
        drop_first();
        return entry;
    }
    // The earliest entry, due or not; for dropping stale ones.
    const TimerEntry* peek() const { return heap_.empty() ? nullptr : &heap_.front(); }
    void drop_first() {
        std::ranges::pop_heap(heap_, Later{});
        heap_.pop_back();
    }

    // Twice as many entries as were live the last time: worth a look at all of them.
    bool is_crowded() const { return heap_.size() >= crowded_from_; }
    template <class IsLive>
    void keep_only(IsLive is_live) {
        std::erase_if(heap_, [&](const TimerEntry& entry) { return !is_live(entry); });
        std::ranges::make_heap(heap_, Later{});
        crowded_from_ = std::max(crowded_floor, 2 * heap_.size());
    }
    std::size_t size() const { return heap_.size(); }

  private:
    static constexpr std::size_t crowded_floor = 64;

    struct Later {
        bool operator()(const TimerEntry& a, const TimerEntry& b) const {
            return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
        }
    };
    std::vector<TimerEntry> heap_;
    std::size_t crowded_from_ = crowded_floor;
    std::uint64_t last_sequence_ = 0;
};

}  // namespace syspulse::engine
