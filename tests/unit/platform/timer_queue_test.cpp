#include <gmock/gmock.h>

#include <vector>

#include "platform/timer_queue.hpp"

namespace syspulse::platform {
namespace {

Instant at(std::int64_t ns) {
    return Instant{Duration{ns}};
}

TEST(TimerQueue, equal_instants_come_in_the_order_of_their_start) {
    TimerQueue queue;
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) queue.add(at(7), [&order, i] { order.push_back(i); });
    while (const auto due = queue.take_due(at(7))) due();
    EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST(TimerQueue, gives_nothing_before_its_time) {
    TimerQueue queue;
    queue.add(at(10), [] {});
    EXPECT_FALSE(queue.take_due(at(9)));
    EXPECT_TRUE(queue.take_due(at(10)));
    EXPECT_EQ(queue.next(), std::nullopt);
}

TEST(TimerQueue, cancelled_timers_are_skipped) {
    TimerQueue queue;
    const TimerId first = queue.add(at(1), [] {});
    queue.add(at(2), [] {});
    queue.remove(first);
    EXPECT_EQ(queue.next(), at(2));
    EXPECT_EQ(queue.size(), 1U);
}

TEST(TimerQueue, thousands_of_cancelled_timers_do_not_pile_up_or_disturb_the_rest) {
    TimerQueue queue;
    int fired = 0;
    for (int round = 0; round < 10'000; ++round) queue.remove(queue.add(at(round), [] {}));
    for (int i = 0; i < 100; ++i) queue.add(at(100 - i), [&] { ++fired; });
    while (const auto due = queue.take_due(at(100))) due();
    EXPECT_EQ(fired, 100);
    EXPECT_EQ(queue.size(), 0U);
}

}  // namespace
}  // namespace syspulse::platform
