// The life of one daemon: what each end leads to, and restarts and their delays.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Kind = model::RestartPolicy::Kind;
using Words = std::vector<std::string>;

TEST(Lifecycle, a_start_records_the_run_before_it_is_spawned) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.forget_actions();
    e.start(web);
    EXPECT_EQ(e.state(web), State::starting);
    std::size_t recorded = 0, spawned = 0;
    for (std::size_t i = 0; i < e.actions().size(); ++i) {
        if (std::holds_alternative<PersistRun>(e.actions()[i])) recorded = i;
        if (std::holds_alternative<SpawnRun>(e.actions()[i])) spawned = i;
    }
    EXPECT_LT(recorded, spawned);
    EXPECT_TRUE(e.machine(web).stored().run_live);
    e.spawned(web);
    EXPECT_EQ(e.state(web), State::running);
    EXPECT_GT(e.view(web).pid.value_or(0), 0);
}

TEST(Lifecycle, an_exit_tells_whose_it_was) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.start(web);
    e.spawned(web);
    const auto pid = e.view(web).pid;
    e.exited(web);
    const auto lines = e.all<AddHistory>();
    const auto exit = std::find_if(lines.begin(), lines.end(),
                                   [](const AddHistory& line) { return line.kind == "exit"; });
    ASSERT_NE(exit, lines.end());
    EXPECT_EQ(exit->pid, pid);
    EXPECT_EQ(exit->exit, ExitStatus::exited(0));
}

TEST(Lifecycle, an_exit_with_success_stops_and_with_failure_fails) {
    Engine e;
    model::DaemonSpec spec = make_spec("web");
    spec.success_exit_codes = std::vector<std::uint32_t>{0, 3};
    const DaemonKey web = e.add(spec);
    for (const std::int32_t code : {0, 3}) {
        e.up(web);
        e.exited(web, ExitStatus::exited(code));
        EXPECT_EQ(e.state(web), State::stopped) << code;
        EXPECT_EQ(e.view(web).last_exit, ExitStatus::exited(code));
        EXPECT_TRUE(e.view(web).last_error.empty());
    }
    for (const ExitStatus status :
         {ExitStatus::exited(1), ExitStatus::signalled(9), ExitStatus::unknown()}) {
        e.up(web);
        e.exited(web, status);
        EXPECT_EQ(e.state(web), State::failed) << describe(status);
        EXPECT_NE(e.view(web).last_error.find(describe(status)), std::string::npos);
    }
}

TEST(Lifecycle, an_oom_kill_is_a_failure_whatever_the_code) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.exited(web, ExitStatus{ExitStatus::Kind::code, true, 0});
    EXPECT_EQ(e.state(web), State::failed);
}

TEST(Lifecycle, policy_decides_which_ends_are_followed_by_a_restart) {
    struct Case {
        Kind kind;
        std::int32_t code;
        State then;
    };
    const Case cases[] = {
        {Kind::never, 0, State::stopped},      {Kind::never, 1, State::failed},
        {Kind::always, 0, State::backoff},     {Kind::always, 1, State::backoff},
        {Kind::on_failure, 0, State::stopped}, {Kind::on_failure, 1, State::backoff},
    };
    for (const Case& c : cases) {
        Engine e;
        const DaemonKey web = e.add(with_policy(make_spec("web"), c.kind));
        e.up(web);
        e.exited(web, ExitStatus::exited(c.code));
        EXPECT_EQ(e.state(web), c.then) << to_string(c.kind) << " with " << c.code;
    }
}

TEST(Lifecycle, back_off_doubles_to_its_cap_with_at_most_a_tenth_of_jitter) {
    Engine e;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::always);
    spec.restart.backoff_base = seconds{1};
    spec.restart.backoff_max = seconds{6};
    const DaemonKey web = e.add(spec);
    e.up(web);
    for (const int expected : {1, 2, 4, 6, 6, 6}) {
        e.exited(web, ExitStatus::exited(1));
        ASSERT_EQ(e.state(web), State::backoff);
        const Duration delay = e.until_deadline().value();
        EXPECT_GE(delay, seconds{expected});
        EXPECT_LE(delay, milliseconds{1100 * expected});
        EXPECT_TRUE(e.view(web).next_restart_at.has_value());
        e.advance(delay - Duration{1});
        EXPECT_EQ(e.state(web), State::backoff);
        e.advance(Duration{1});
        ASSERT_EQ(e.state(web), State::starting);
        e.spawned(web);
    }
    EXPECT_EQ(e.view(web).restart_count, 6U);
    EXPECT_FALSE(e.view(web).next_restart_at.has_value());
}

TEST(Lifecycle, jitter_differs_between_seeds_and_repeats_with_the_same_seed) {
    const auto delay = [](std::uint64_t seed) {
        Engine e{seed};
        const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
        e.up(web);
        e.exited(web);
        return e.until_deadline().value();
    };
    EXPECT_EQ(delay(7), delay(7));
    EXPECT_NE(delay(7), delay(8));
}

TEST(Lifecycle, max_retries_restarts_that_often_and_then_fails) {
    Engine e;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::on_failure);
    spec.restart.max_retries = 2;
    const DaemonKey web = e.add(spec);
    e.up(web);
    for (int i = 0; i < 2; ++i) {
        e.exited(web, ExitStatus::exited(1));
        ASSERT_EQ(e.state(web), State::backoff);
        e.advance(seconds{10});
        e.spawned(web);
    }
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.state(web), State::failed);
    EXPECT_EQ(e.view(web).restart_count, 2U);
    EXPECT_EQ(e.view(web).last_error, "exit code 1; gave up: max_retries reached");
    EXPECT_EQ(e.until_deadline(), std::nullopt);
}

TEST(Lifecycle, what_ends_well_too_often_says_that_it_was_given_up) {
    Engine e;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::always);
    spec.restart.max_retries = 0;
    const DaemonKey web = e.add(spec);
    e.up(web);
    e.exited(web, ExitStatus::exited(0));
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_EQ(e.view(web).last_error, "exit code 0; gave up: max_retries reached");
}

TEST(Lifecycle, a_long_run_clears_the_attempts_but_not_the_restart_count) {
    Engine e;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::always);
    spec.restart.max_retries = 1;
    spec.restart.reset_after = seconds{60};
    const DaemonKey web = e.add(spec);
    e.up(web);
    for (int i = 0; i < 3; ++i) {
        e.advance(seconds{60});
        e.exited(web, ExitStatus::exited(1));
        ASSERT_EQ(e.state(web), State::backoff);
        EXPECT_LE(e.until_deadline().value(), milliseconds{1100});
        e.advance(seconds{2});
        e.spawned(web);
    }
    EXPECT_EQ(e.view(web).restart_count, 3U);
    e.advance(milliseconds{59'999});
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.state(web), State::failed);
}

TEST(Lifecycle, a_start_by_hand_clears_the_counters_and_starts_at_once_out_of_back_off) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.up(web);
    e.exited(web);
    e.advance(seconds{2});
    e.spawned(web);
    e.exited(web);
    ASSERT_EQ(e.state(web), State::backoff);
    EXPECT_EQ(e.view(web).restart_count, 1U);
    e.start(web);
    EXPECT_EQ(e.state(web), State::starting);
    EXPECT_EQ(e.view(web).restart_count, 0U);
    e.spawned(web);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 3U);
}

TEST(Lifecycle, a_late_back_off_timer_after_a_stop_does_not_start) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.up(web);
    e.exited(web);
    EXPECT_TRUE(e.done(e.stop(web)));
    EXPECT_EQ(e.state(web), State::stopped);
    e.handle(TimeAdvanced{});
    e.advance(hours{1});
    EXPECT_EQ(e.state(web), State::stopped);
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Lifecycle, what_belongs_to_an_older_run_is_dropped) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.up(web);
    const RunId old = e.run(web);
    e.exited(web);
    e.advance(seconds{2});
    ASSERT_NE(e.run(web), old);
    e.forget_actions();
    e.handle(Spawned{web, old, 77, "old"});
    EXPECT_EQ(e.state(web), State::starting);
    e.handle(SpawnFailed{web, old, Error{}});
    EXPECT_EQ(e.state(web), State::starting);
    e.spawned(web);
    e.handle(Exited{web, old, ExitStatus::exited(1)});
    e.handle(SpawnFailed{web, e.run(web), Error{}});
    e.handle(Spawned{web, e.run(web), 78, "twice"});
    EXPECT_EQ(e.state(web), State::running);
    EXPECT_NE(e.view(web).pid, 78);
    const RunId present = e.run(web);
    e.stop(web);
    e.exited(web);
    e.forget_actions();
    e.handle(Exited{web, present, ExitStatus::exited(1)});
    EXPECT_TRUE(e.actions().empty());
    EXPECT_EQ(e.view(web).last_exit, ExitStatus::exited(0));
}

TEST(Lifecycle, events_for_unknown_daemons_are_dropped) {
    Engine e;
    const DaemonKey nobody{99};
    e.handle(Spawned{nobody, RunId{1}, 5, ""});
    e.handle(SpawnFailed{nobody, RunId{1}, Error{}});
    e.handle(Exited{nobody, RunId{1}, ExitStatus::exited(0)});
    e.handle(Checked{nobody, CheckId{1}, true, "", Duration{}});
    EXPECT_TRUE(e.actions().empty());
}

TEST(Lifecycle, an_exit_before_the_spawn_is_answered_ends_the_run) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    const RequestId request = e.start(web);
    const RunId run = e.run(web);
    e.exited(web, ExitStatus::exited(1));
    EXPECT_EQ(e.state(web), State::failed);
    // The process did live, which is all that a start without --wait asks for.
    EXPECT_TRUE(e.done(request));
    e.handle(Spawned{web, run, 5, "late"});
    EXPECT_EQ(e.state(web), State::failed);
    EXPECT_FALSE(e.view(web).pid.has_value());
}

TEST(Lifecycle, a_failed_spawn_without_retries_fails_with_the_cause) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    const RequestId request = e.start(web);
    e.spawn_failed(web, "cannot run /bin/web: no such file");
    EXPECT_EQ(e.state(web), State::failed);
    EXPECT_EQ(e.refusal(request), ErrorCode::not_found);
    EXPECT_EQ(e.view(web).last_error, "cannot run /bin/web: no such file");
    EXPECT_FALSE(e.view(web).last_exit.has_value());
}

TEST(Lifecycle, a_failed_spawn_with_retries_backs_off_and_tells_who_asked) {
    Engine e;
    model::DaemonSpec spec = with_policy(make_spec("web"), Kind::on_failure);
    spec.restart.max_retries = 1;
    const DaemonKey web = e.add(spec);
    const RequestId request = e.start(web);
    e.spawn_failed(web);
    EXPECT_EQ(e.state(web), State::backoff);
    EXPECT_EQ(e.refusal(request), ErrorCode::not_found);
    e.advance(seconds{2});
    e.spawn_failed(web);
    EXPECT_EQ(e.state(web), State::failed);
}

TEST(Lifecycle, a_restart_stops_and_then_starts_with_cleared_counters) {
    Engine e;
    const DaemonKey web = e.add(with_policy(make_spec("web"), Kind::always));
    e.up(web);
    e.exited(web);
    e.advance(seconds{2});
    e.spawned(web);
    const RunId old = e.run(web);
    const RequestId request = e.restart(web);
    EXPECT_EQ(e.state(web), State::stopping);
    e.exited(web);
    EXPECT_EQ(e.state(web), State::starting);
    EXPECT_NE(e.run(web), old);
    EXPECT_FALSE(e.answered(request));
    e.spawned(web);
    EXPECT_TRUE(e.done(request));
    EXPECT_EQ(e.view(web).restart_count, 0U);
}

TEST(Lifecycle, what_the_leader_left_behind_goes_with_the_run) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    const RunId run = e.run(web);
    e.forget_actions();
    e.exited(web);
    EXPECT_EQ(e.signals(run), Words{"kill"});
    ASSERT_EQ(e.count<ReleaseRun>(), 1U);
}

TEST(Lifecycle, uptime_counts_monotonic_time) {
    Engine e;
    const DaemonKey web = e.add(make_spec("web"));
    e.up(web);
    e.advance(seconds{90});
    e.set_wall(e.now().wall - hours{24});
    EXPECT_DOUBLE_EQ(e.view(web).uptime_secs.value_or(-1), 90.0);
    e.stop(web);
    e.exited(web);
    EXPECT_FALSE(e.view(web).uptime_secs.has_value());
    EXPECT_TRUE(e.view(web).stopped_at.has_value());
}

}  // namespace
}  // namespace syspulse::engine::test
