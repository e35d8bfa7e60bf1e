#include "keeper/restarts.hpp"

#include <gtest/gtest.h>

namespace syspulse::keeper {
namespace {

TEST(Restarts, replace_a_manager_that_served_at_once) {
    Restarts restarts;
    restarts.started();
    restarts.served();
    const auto next = restarts.ended(true, true);
    EXPECT_FALSE(next.give_up);
    EXPECT_EQ(next.after_ms, 0);
}

TEST(Restarts, double_the_pause_after_each_that_never_served_and_give_up) {
    Restarts restarts;
    for (const long pause : {100, 200, 400, 800}) {
        restarts.started();
        const auto next = restarts.ended(false, false);
        EXPECT_FALSE(next.give_up);
        EXPECT_EQ(next.after_ms, pause);
    }
    restarts.started();
    EXPECT_TRUE(restarts.ended(false, false).give_up);
    EXPECT_EQ(restarts.unready_deaths(), 5);
}

TEST(Restarts, have_more_patience_where_one_has_served) {
    Restarts restarts;
    long waited = 0;
    int ended = 0;
    for (auto next = restarts.ended(false, true); !next.give_up;
         next = restarts.ended(false, true)) {
        waited += next.after_ms;
        ++ended;
    }
    EXPECT_EQ(ended, 9);
    EXPECT_EQ(waited, 51'100);
}

TEST(Restarts, forget_what_was_in_vain_once_one_serves) {
    Restarts restarts;
    for (int i = 0; i < 9; ++i) static_cast<void>(restarts.ended(false, true));
    restarts.served();
    EXPECT_EQ(restarts.ended(false, true).after_ms, 100);
}

TEST(Restarts, slow_down_many_short_lives) {
    Restarts restarts;
    for (int i = 1; i < 50; ++i) {
        restarts.started();
        restarts.served();
        EXPECT_EQ(restarts.ended(true, true).after_ms, 0) << i;
    }
    EXPECT_EQ(restarts.ended(true, true).after_ms, Restarts::settled_ms);
    restarts.started();
    restarts.served();
    restarts.settled();
    EXPECT_EQ(restarts.ended(true, true).after_ms, 0);
}

TEST(Restarts, slow_down_crashes_until_one_has_lived_for_long) {
    Restarts restarts;
    const auto crash = [&restarts] {
        restarts.started();
        restarts.served();
        restarts.settled();
        return restarts.ended(true, true, true).after_ms;
    };
    for (const long pause : {0, 100, 200, 400, 800, 1600, 3200, 6400, 10'000, 10'000})
        EXPECT_EQ(crash(), pause);
    EXPECT_FALSE(restarts.is_calm());
    EXPECT_EQ(restarts.ended(true, true).after_ms, 0) << "somebody has killed it";
    restarts.calm();
    EXPECT_EQ(crash(), 0);
}

TEST(Restarts, give_up_a_manager_that_crashes_before_it_serves) {
    Restarts restarts;
    for (int i = 0; i < 4; ++i) {
        restarts.started();
        EXPECT_FALSE(restarts.ended(false, false, true).give_up);
    }
    EXPECT_TRUE(restarts.ended(false, false, true).give_up);
}

}  // namespace
}  // namespace syspulse::keeper
