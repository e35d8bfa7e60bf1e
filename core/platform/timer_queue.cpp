#include "platform/timer_queue.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::platform {
namespace {

constexpr std::size_t compact_floor = 64;

}  // namespace

bool TimerQueue::later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.id > b.id;
}

TimerId TimerQueue::add(Instant when, std::function<void()> due) {
    const TimerId id = ++last_id_;
    callbacks_.emplace(id, std::move(due));
    heap_.push_back({when, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
    return id;
}

void TimerQueue::remove(TimerId id) {
    if (callbacks_.erase(id) == 0) return;
    if (heap_.size() > 2 * callbacks_.size() + compact_floor) compact();
}

std::optional<Instant> TimerQueue::next() {
    drop_dead_front();
    if (heap_.empty()) return std::nullopt;
    return heap_.front().when;
}

std::function<void()> TimerQueue::take_due(Instant now) {
    drop_dead_front();
    if (heap_.empty() || heap_.front().when > now) return {};
    auto node = callbacks_.extract(heap_.front().id);
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    return std::move(node.mapped());
}

void TimerQueue::drop_dead_front() {
    while (!heap_.empty() && !callbacks_.contains(heap_.front().id)) {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        heap_.pop_back();
    }
}

void TimerQueue::compact() {
    std::erase_if(heap_, [this](const Entry& entry) { return !callbacks_.contains(entry.id); });
    std::make_heap(heap_.begin(), heap_.end(), later);
}

}  // namespace syspulse::platform
