// The system event loop with real descriptors. Nothing here waits for time to pass beyond a few
// milliseconds that a timer under test needs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/background_log.hpp"
#include "platform/event_loop.hpp"
#include "platform/signal_watch.hpp"

namespace syspulse::platform {
namespace {

using testing::ElementsAre;

class EventLoopTest : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(::pipe2(pipe_.data(), O_CLOEXEC), 0); }
    void TearDown() override {
        ::close(pipe_[0]);
        if (pipe_[1] >= 0) ::close(pipe_[1]);
    }
    void put() { ASSERT_EQ(::write(pipe_[1], "x", 1), 1); }
    void take() {
        char byte = 0;
        ASSERT_EQ(::read(pipe_[0], &byte, 1), 1);
    }
    // Runs what is ready now and what that makes ready, a few times over.
    void turn(int times = 8) {
        for (int i = 0; i < times; ++i) {
            loop_->post([this] { loop_->stop(); });
            loop_->run();
        }
    }
    Instant soon(int ms) { return clock_->now().mono + std::chrono::milliseconds{ms}; }

    std::unique_ptr<Clock> clock_ = make_system_clock();
    std::unique_ptr<EventLoop> loop_ = *make_event_loop(*clock_);
    std::array<int, 2> pipe_{};
};

TEST_F(EventLoopTest, posted_tasks_run_in_order_also_from_another_thread) {
    std::vector<int> order;
    loop_->post([&] { order.push_back(1); });
    loop_->post([&] { order.push_back(2); });
    std::thread other([&] {
        loop_->post([&] {
            order.push_back(3);
            loop_->stop();
        });
    });
    loop_->run();
    other.join();
    EXPECT_THAT(order, testing::Contains(3));
    EXPECT_LT(std::find(order.begin(), order.end(), 1), std::find(order.begin(), order.end(), 2));
}

TEST_F(EventLoopTest, a_watch_is_called_again_while_the_descriptor_stays_ready) {
    int calls = 0;
    const auto watch = loop_->watch(pipe_[0], ready_read, [&](std::uint32_t bits) {
        EXPECT_EQ(bits, std::uint32_t{ready_read});
        if (++calls == 3) take();
        if (calls == 3) loop_->stop();
    });
    ASSERT_TRUE(watch);
    put();
    loop_->run();
    turn();
    EXPECT_EQ(calls, 3);
    loop_->unwatch(*watch);
}

TEST_F(EventLoopTest, a_watch_without_interest_is_silent_until_rewatched) {
    int calls = 0;
    const auto watch = loop_->watch(pipe_[0], 0, [&](std::uint32_t) {
        ++calls;
        take();
        loop_->stop();
    });
    ASSERT_TRUE(watch);
    put();
    turn();
    EXPECT_EQ(calls, 0);
    loop_->rewatch(*watch, ready_read);
    loop_->run();
    EXPECT_EQ(calls, 1);
    loop_->unwatch(*watch);
}

TEST_F(EventLoopTest, a_closed_writer_wakes_the_reader) {
    std::uint32_t seen = 0;
    const auto watch = loop_->watch(pipe_[0], ready_read, [&](std::uint32_t bits) {
        seen = bits;
        loop_->stop();
    });
    ASSERT_TRUE(watch);
    ::close(std::exchange(pipe_[1], -1));
    loop_->run();
    EXPECT_EQ(seen, std::uint32_t{ready_read | ready_error});
    loop_->unwatch(*watch);
}

TEST_F(EventLoopTest, a_callback_may_unwatch_itself_and_the_descriptor_keeps_its_flags) {
    WatchId id = 0;
    int calls = 0;
    id = *loop_->watch(pipe_[0], ready_read, [&](std::uint32_t) {
        ++calls;
        loop_->unwatch(id);
        loop_->stop();
    });
    put();
    loop_->run();
    turn();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(::fcntl(pipe_[0], F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(EventLoopTest, a_bad_descriptor_is_an_error_that_names_it) {
    const auto watch = loop_->watch(12345, ready_read, [](std::uint32_t) {});
    ASSERT_FALSE(watch);
    EXPECT_THAT(watch.error().message, testing::HasSubstr("cannot watch descriptor 12345"));
}

TEST_F(EventLoopTest, timers_fire_in_order_and_never_early) {
    std::vector<int> order;
    const Instant now = clock_->now().mono;
    const Instant second = now + std::chrono::milliseconds{4};
    loop_->start_timer(second, [&] {
        EXPECT_GE(clock_->now().mono, second);
        order.push_back(2);
        loop_->stop();
    });
    loop_->start_timer(now + std::chrono::milliseconds{2}, [&] { order.push_back(1); });
    const TimerId cancelled = loop_->start_timer(now, [&] { order.push_back(0); });
    loop_->cancel_timer(cancelled);
    loop_->run();
    EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST_F(EventLoopTest, a_timer_may_start_and_cancel_timers) {
    int calls = 0;
    const Instant now = clock_->now().mono;
    const TimerId victim =
        loop_->start_timer(now + std::chrono::milliseconds{1}, [&] { calls += 100; });
    loop_->start_timer(now, [&] {
        ++calls;
        loop_->cancel_timer(victim);
        loop_->start_timer(soon(2), [&] {
            ++calls;
            loop_->stop();
        });
    });
    loop_->run();
    EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, cannot_be_made_without_descriptors) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int lowest = ::dup(pipe_[0]);
    ::close(lowest);
    for (rlim_t limit = static_cast<rlim_t>(lowest);; ++limit) {
        ASSERT_LT(limit, static_cast<rlim_t>(lowest) + 100);
        const rlimit now{limit, before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &now);
        const auto loop = make_event_loop(*clock_);
        ::setrlimit(RLIMIT_NOFILE, &before);
        if (loop) break;
        EXPECT_EQ(loop.error().message, "cannot prepare the event loop: Too many open files");
    }
    const int still_lowest = ::dup(pipe_[0]);
    ::close(still_lowest);
    EXPECT_EQ(still_lowest, lowest);
}

TEST_F(EventLoopTest, stop_before_run_makes_run_return) {
    loop_->stop();
    loop_->run();
    SUCCEED();
}

TEST_F(EventLoopTest, watched_signals_arrive_as_calls) {
    std::vector<int> seen;
    auto watch = watch_signals(*loop_, {SIGUSR1, SIGUSR2}, [&](int number) {
        seen.push_back(number);
        if (seen.size() == 2) loop_->stop();
    });
    ASSERT_TRUE(watch);
    ::kill(::getpid(), SIGUSR2);
    ::kill(::getpid(), SIGUSR1);
    loop_->run();
    EXPECT_THAT(seen, testing::UnorderedElementsAre(SIGUSR1, SIGUSR2));
}

TEST_F(EventLoopTest, an_exception_that_reaches_the_loop_is_a_crash) {
    loop_->post([] { throw std::bad_alloc(); });
    EXPECT_DEATH(loop_->run(), "an exception reached the event loop: .*bad_alloc");
}

TEST_F(EventLoopTest, a_crash_does_not_wait_for_somebody_who_reads_of_it) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "the abort() of ThreadSanitizer waits for stdio's lock, which the writer holds";
#endif
    const auto crash_unread = [this] {
        std::array<int, 2> unread;
        if (::pipe2(unread.data(), O_NONBLOCK) != 0) ::_exit(1);
        while (::write(unread[1], "x", 1) == 1) {
        }
        ::fcntl(unread[1], F_SETFL, 0);
        ::dup2(unread[1], STDERR_FILENO);
        const log::Background writer;
        loop_->run();
    };
    loop_->post([] { throw std::bad_alloc(); });
    EXPECT_EXIT(crash_unread(), testing::KilledBySignal(SIGABRT), "");
    loop_->post([] { SYSPULSE_ASSERT(1 + 1 == 3, "sums are right"); });
    EXPECT_EXIT(crash_unread(), testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace syspulse::platform
