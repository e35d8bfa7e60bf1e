#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "process_runner_fixture.hpp"

namespace syspulse::plugin_host {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(ProcessRunnerTest, a_process_is_reported_spawned_and_exited_never_from_inside_a_call) {
    spawn("ok");
    EXPECT_TRUE(heard_.empty());
    until(1);
    EXPECT_TRUE(host_->owns_pid(pid_));
    host_->processes().signal(RunId{1}, 15, [this](Result<void> sent) {
        hear(sent ? "signalled" : sent.error().message);
    });
    until(3);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "signalled", "exited 1: exit code 143"));
    host_->processes().release(RunId{1});
    EXPECT_FALSE(host_->owns_pid(pid_));
}

TEST_F(ProcessRunnerTest, an_exit_never_overtakes_its_spawn) {
    spawn("early", 1);
    spawn("quick", 2);
    until(4);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "exited 1: exit code 3", "spawned 2",
                                    "exited 2: exit code 7 (out of memory)"));
    EXPECT_EQ(exit_.memory_peak_bytes, 4096U);
}

TEST_F(ProcessRunnerTest, a_rejected_spawn_carries_the_drivers_words_without_escapes) {
    spawn("reject");
    until(1);
    EXPECT_THAT(heard_, ElementsAre("failed 1: not today  [31m"));
}

TEST_F(ProcessRunnerTest, an_exception_from_a_slot_is_a_failure_and_counted) {
    spawn("throw");
    until(1);
    EXPECT_THAT(heard_, ElementsAre(HasSubstr("the plugin threw")));
    EXPECT_EQ(host_->misbehaviour().thrown, 1U);
}

TEST_F(ProcessRunnerTest, of_two_answers_the_first_one_counts_and_the_other_is_a_fault) {
    for (const std::uint64_t run : {1U, 2U}) spawn(run == 1 ? "twice" : "both", run);
    until(2);
    settle();
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "spawned 2"));
    EXPECT_EQ(host_->misbehaviour().stale, 1U);
    EXPECT_EQ(host_->misbehaviour().rejected, 1U);
}

TEST_F(ProcessRunnerTest, a_completion_of_another_type_fails_the_operation) {
    spawn("wrong-type");
    until(1);
    EXPECT_THAT(heard_, ElementsAre(HasSubstr("failed 1: the plugin completed it with")));
    EXPECT_EQ(host_->misbehaviour().wrong_type, 1U);
}

TEST_F(ProcessRunnerTest, results_that_cannot_be_true_are_refused) {
    spawn("init-pid", 1);
    spawn("huge-token", 2);
    until(2);
    settle();
    EXPECT_THAT(heard_,
                UnorderedElementsAre("in doubt 1: the driver reported process 1",
                                     HasSubstr("failed 2: the driver reported a token of")));
    EXPECT_EQ(host_->misbehaviour().rejected, 2U);
}

TEST_F(ProcessRunnerTest, what_a_refused_result_left_is_killed_before_the_failure_is_told) {
    spawn("huge-token", 1);
    until(1);
    recover(2, "unless-killed");
    until(2);
    EXPECT_THAT(heard_, ElementsAre(HasSubstr("failed 1: the driver reported a token of"),
                                    "not recovered 2: not_found, no such process"));
}

// It may be everybody's: who kills the group of process 1 kills all there is.
TEST_F(ProcessRunnerTest, nobody_is_killed_for_a_number_that_no_daemon_has) {
    spawn("init-pid", 1);
    until(1);
    recover(2, "unless-killed");
    until(2);
    EXPECT_THAT(heard_, ElementsAre("in doubt 1: the driver reported process 1", "spawned 2"));
}

TEST_F(ProcessRunnerTest, a_refused_result_whose_process_is_not_killed_is_told_as_a_doubt) {
    spawn("huge-token-unruly", 1);
    until(1);
    EXPECT_THAT(heard_,
                ElementsAre(AllOf(
                    HasSubstr("in doubt 1: the driver reported a token of"),
                    HasSubstr(", and what it started could not be killed: it will not die"))));
    // The run can be looked for, under its own name.
    recover(1, "token");
    until(2);
    EXPECT_EQ(heard_.back(), "spawned 1");
}

TEST_F(ProcessRunnerTest, a_driver_that_never_answers_meets_the_deadline) {
    use(GOOD_PLUGINS, std::chrono::milliseconds{5});
    spawn("never");
    until(1);
    EXPECT_THAT(heard_, ElementsAre("failed 1: driver fake did not answer within 5ms"));
    EXPECT_EQ(host_->misbehaviour().unanswered, 1U);
}

TEST_F(ProcessRunnerTest, a_process_that_comes_up_too_late_is_killed_and_not_reported) {
    use(GOOD_PLUGINS, std::chrono::milliseconds{5});
    spawn("late");
    until(1);
    settle();
    EXPECT_THAT(heard_, ElementsAre(HasSubstr("failed 1: driver fake did not answer")));
    EXPECT_EQ(host_->misbehaviour().stale, 0U);
}

TEST_F(ProcessRunnerTest, a_start_that_fails_too_late_left_nothing_to_kill) {
    use(GOOD_PLUGINS, std::chrono::milliseconds{5});
    spawn("fails-late");
    until(1);
    settle();
    recover(2, "unless-killed");
    until(2);
    EXPECT_THAT(heard_,
                ElementsAre(HasSubstr("failed 1: driver fake did not answer"), "spawned 2"));
}

TEST_F(ProcessRunnerTest, recover_finds_a_process_by_its_token_or_says_not_found) {
    recover(1, "token");
    recover(2, "");
    until(2);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "not recovered 2: not_found, no such process"));
    EXPECT_TRUE(frozen_);
}

TEST_F(ProcessRunnerTest, a_run_whose_driver_is_missing_is_not_said_to_be_gone) {
    platform::RecoverRequest request;
    request.driver = "absent";
    request.run = RunId{1};
    host_->processes().recover(request);
    until(1);
    EXPECT_THAT(heard_, ElementsAre("not recovered 1: unavailable, there is no driver \"absent\" "
                                    "among the plugins"));
}

TEST_F(ProcessRunnerTest, what_is_found_too_late_lives_on_and_can_be_looked_for_again) {
    use(GOOD_PLUGINS, std::chrono::milliseconds{5});
    recover(1, "late");
    until(1);
    settle();
    recover(1, "late");
    until(2);
    EXPECT_THAT(heard_,
                ElementsAre(HasSubstr("not recovered 1: timed_out, driver fake"), "spawned 1"));
}

TEST_F(ProcessRunnerTest, freeze_is_an_extension_that_a_driver_may_lack) {
    const auto tell = [this](const char* what) {
        return [this, what](Result<void> done) {
            hear(std::string(what) + ": " + (done ? "done" : done.error().message));
        };
    };
    spawn("freezable");
    host_->processes().freeze(RunId{1}, tell("freeze"));
    host_->processes().thaw(RunId{1}, tell("thaw"));
    until(3);
    EXPECT_THAT(heard_, ElementsAre("spawned 1", "freeze: done", "thaw: still frozen"));
    spawn("ok", 2);
    std::optional<ErrorCode> code;
    host_->processes().freeze(RunId{2}, [&](Result<void> done) {
        code = done ? std::nullopt : std::optional(done.error().code);
        hear(done ? "done" : done.error().message);
    });
    until(5);
    EXPECT_EQ(code, ErrorCode::unsupported);
    EXPECT_EQ(heard_.back(),
              "driver fake cannot pause what it runs; the drivers cgroup and job can");
}

TEST_F(ProcessRunnerTest, statistics_hold_what_the_driver_vouches_for_and_no_nonsense) {
    spawn("ok");
    std::optional<platform::ProcessStats> stats;
    host_->processes().stats(RunId{1}, [&](Result<platform::ProcessStats> measured) {
        if (measured) stats = *measured;
        hear("measured");
    });
    until(2);
    ASSERT_TRUE(stats);
    EXPECT_FALSE(stats->cpu_time);
    EXPECT_FALSE(stats->memory_bytes);
    EXPECT_FALSE(stats->cpu_pressure);
    EXPECT_EQ(stats->cpu_user, Duration{3});
    EXPECT_GT(*stats->cpu_system, Duration{0});
    EXPECT_EQ(stats->throttled_count, 2U);
    ASSERT_TRUE(stats->io_pressure);
    EXPECT_EQ(stats->io_pressure->some.avg10, 12.5);
    EXPECT_EQ(stats->io_pressure->full.avg10, 100.0);
}

TEST_F(ProcessRunnerTest, inspect_turns_a_forgotten_process_into_a_lost_exit) {
    spawn("forgotten");
    until(1);
    host_->processes().inspect(RunId{1});
    until(2);
    EXPECT_EQ(heard_.back(), "exited 1: unknown exit status");
}

TEST_F(ProcessRunnerTest, requests_for_unknown_drivers_and_runs_are_answered) {
    platform::SpawnRequest request;
    request.run = RunId{1};
    request.driver = "nothing";
    host_->processes().spawn(request);
    host_->processes().kill_tree(RunId{9}, [this](Result<void> killed) {
        hear(killed ? "killed" : killed.error().message);
    });
    host_->processes().stats(RunId{9}, [this](Result<platform::ProcessStats> measured) {
        hear(measured ? "measured" : measured.error().message);
    });
    host_->processes().release(RunId{9});
    until(3);
    EXPECT_THAT(heard_, ElementsAre(HasSubstr("no driver \"nothing\""), "the run has no process",
                                    "the run has no process"));
}

TEST_F(ProcessRunnerTest, all_who_share_a_measurement_get_it) {
    spawn("ok");
    std::size_t measured = 0;
    for (int i = 0; i < 3; ++i) {
        host_->processes().stats(RunId{1}, [&](Result<platform::ProcessStats> stats) {
            if (stats && stats->cpu_user == Duration{3}) ++measured;
            hear("measured");
        });
    }
    until(4);
    EXPECT_EQ(measured, 3U);
}

TEST_F(ProcessRunnerTest, a_released_spawn_is_not_reported) {
    spawn("ok");
    host_->processes().release(RunId{1});
    settle();
    EXPECT_TRUE(heard_.empty());
}

TEST_F(ProcessRunnerTest, the_bundled_posix_driver_runs_a_program) {
    const auto plugin = std::filesystem::path(BUNDLED_PLUGINS) / "posix.so";
    if (!std::filesystem::exists(plugin)) GTEST_SKIP() << "the posix driver is not built";
    use(BUNDLED_PLUGINS);
    platform::SpawnRequest request;
    request.run = RunId{5};
    request.run_id = "0f6d2b1e-run";
    request.unit = "sleeper";
    request.driver = "posix";
    request.argv = {"/bin/sleep", "1000"};
    request.env = {"PATH=/usr/bin:/bin"};
    request.working_dir = "/";
    host_->processes().spawn(request);
    until(1);
    host_->processes().kill_tree(RunId{5}, {});
    until(2);
    EXPECT_THAT(heard_, ElementsAre("spawned 5", "exited 5: signal SIGKILL"));
    host_->processes().release(RunId{5});
}

}  // namespace
}  // namespace syspulse::plugin_host
