#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "process_runner_fixture.hpp"

namespace syspulse::plugin_host {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST_F(ProcessRunnerTest, operations_of_one_process_take_turns) {
    spawn("ok");
    for (int i = 0; i < 3; ++i) {
        host_->processes().signal(RunId{1}, 10, [this, i](Result<void> sent) {
            hear((sent ? "signal " : "no signal ") + std::to_string(i));
        });
    }
    host_->processes().kill_tree(RunId{1}, [this](Result<void>) { hear("killed"); });
    until(6);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "killed", "exited 1: exit code 137", "signal 0",
                                    "signal 1", "signal 2"));
}

TEST_F(ProcessRunnerTest, a_kill_does_not_wait_for_a_driver_that_does_not_answer) {
    spawn("immeasurable");
    measure();
    host_->processes().signal(RunId{1}, 10, [this](Result<void>) { hear("signal"); });
    until(1);
    host_->processes().kill_tree(RunId{1}, [this](Result<void>) { hear("killed"); });
    until(5);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "the process is killed instead", "killed",
                                    "exited 1: exit code 137", "signal"));
    EXPECT_EQ(host_->misbehaviour().unanswered, 0U);
}

TEST_F(ProcessRunnerTest, a_request_to_end_does_not_wait_for_measurements) {
    spawn("immeasurable");
    for (int i = 0; i < 2; ++i) measure();
    until(1);
    host_->processes().signal(RunId{1}, 15, {});
    until(4);
    EXPECT_EQ(std::count(heard_.begin(), heard_.end(), "the process is asked to end"), 2);
    EXPECT_THAT(heard_, Contains("exited 1: exit code 143"));
}

TEST_F(ProcessRunnerTest, who_asks_while_a_measurement_waits_waits_for_no_other) {
    use(GOOD_PLUGINS, std::chrono::milliseconds{5});
    spawn("immeasurable");
    until(1);
    constexpr std::size_t asked = 20;
    for (std::size_t i = 0; i < asked; ++i) {
        measure();
    }
    until(1 + asked);
    EXPECT_EQ(heard_.back(), "driver fake did not answer within 5ms");
    EXPECT_EQ(heard_.size(), 1 + asked);
    EXPECT_EQ(host_->misbehaviour().unanswered, 2U);
}

// The driver says that the process has ended, and never that the signal was sent.
TEST_F(ProcessRunnerTest, a_signal_that_ended_its_process_has_not_failed) {
    const auto answered = [this](Result<void> sent) {
        hear(sent ? "signalled" : sent.error().message);
    };
    spawn("unacknowledging");
    host_->processes().signal(RunId{1}, 9, answered);
    until(2);
    host_->processes().kill_tree(RunId{1}, [this](Result<void>) { hear("killed"); });
    until(4);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "exited 1: exit code 137", "signalled", "killed"));
    spawn("unacknowledging", 2);
    host_->processes().signal(RunId{2}, 9, answered);
    until(6);
    host_->processes().release(RunId{2});
    until(7);
    EXPECT_EQ(heard_.back(), "signalled");
}

}  // namespace
}  // namespace syspulse::plugin_host
