#include "base/detached_thread.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>

namespace syspulse::testing {
namespace {

struct Tally {
    std::mutex mutex;
    std::condition_variable changed;
    int ran = 0;
};

// One that is over at once is where its end and its being detached meet.
TEST(DetachedThread, each_of_many_short_ones_runs) {
    constexpr int count = 2000;
    const auto tally = std::make_shared<Tally>();
    for (int i = 0; i < count; ++i) {
        start_detached([tally] {
            const std::lock_guard lock(tally->mutex);
            ++tally->ran;
            tally->changed.notify_one();
        });
    }
    std::unique_lock lock(tally->mutex);
    tally->changed.wait_for(lock, std::chrono::minutes{1}, [&] { return tally->ran == count; });
    EXPECT_EQ(tally->ran, count);
}

}  // namespace
}  // namespace syspulse::testing
