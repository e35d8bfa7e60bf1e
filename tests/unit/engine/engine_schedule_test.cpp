// Scheduled daemons: arming, firing, overlap, catching up, and a calendar that is set.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using Overlap = model::ScheduleSpec::Overlap;
using CatchUp = model::ScheduleSpec::CatchUp;
using Kind = model::RestartPolicy::Kind;

model::DaemonSpec job(Overlap overlap = Overlap::skip, CatchUp catch_up = CatchUp::none) {
    return with_schedule(make_spec("job"), "@every 1m", overlap, catch_up);
}

TEST(EngineSchedule, is_armed_by_registration) {
    Engine e;
    const DaemonKey key = e.add(job());
    EXPECT_EQ(e.state(key), State::scheduled);
    EXPECT_EQ(e.view(key).next_run_at, e.now().wall + minutes{1});
    e.advance(milliseconds{59'999});
    EXPECT_EQ(e.state(key), State::scheduled);
    e.advance(milliseconds{1});
    EXPECT_EQ(e.state(key), State::starting);
}

TEST(EngineSchedule, returns_to_scheduled_whatever_the_outcome_and_keeps_it) {
    Engine e;
    const DaemonKey key = e.add(with_policy(job(), Kind::always));
    for (const ExitStatus status :
         {ExitStatus::exited(0), ExitStatus::exited(1), ExitStatus::signalled(9)}) {
        e.advance(minutes{1});
        e.spawned(key);
        e.exited(key, status);
        EXPECT_EQ(e.state(key), State::scheduled);
        EXPECT_EQ(e.view(key).last_exit, status);
    }
    e.advance(minutes{1});
    e.spawn_failed(key);
    EXPECT_EQ(e.state(key), State::scheduled);
    EXPECT_EQ(e.spawns(), 4U);
}

TEST(EngineSchedule, a_start_runs_now_and_returns_to_scheduled) {
    Engine e;
    const DaemonKey key = e.add(job());
    e.advance(seconds{10});
    EXPECT_TRUE(e.view(key).next_run_at.has_value());
    e.up(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
    e.advance(seconds{50});
    EXPECT_EQ(e.state(key), State::starting);
}

TEST(EngineSchedule, a_stop_disarms_and_a_start_arms_again) {
    Engine e;
    const DaemonKey key = e.add(job());
    EXPECT_TRUE(e.done(e.stop(key)));
    EXPECT_EQ(e.state(key), State::stopped);
    EXPECT_FALSE(e.view(key).next_run_at.has_value());
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 0U);
    e.up(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
    e.advance(minutes{1});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineSchedule, a_stop_of_a_run_disarms_too) {
    Engine e;
    const DaemonKey key = e.add(job());
    e.advance(minutes{1});
    e.spawned(key);
    const RequestId request = e.stop(key);
    e.exited(key);
    EXPECT_TRUE(e.done(request));
    EXPECT_EQ(e.state(key), State::stopped);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(EngineSchedule, overlap_skip_leaves_the_present_run_alone) {
    Engine e;
    const DaemonKey key = e.add(job(Overlap::skip));
    e.advance(minutes{1});
    e.spawned(key);
    e.advance(seconds{150});
    EXPECT_EQ(e.spawns(), 1U);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
    e.advance(seconds{30});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineSchedule, overlap_queue_runs_once_more_right_after) {
    Engine e;
    const DaemonKey key = e.add(job(Overlap::queue));
    e.advance(minutes{1});
    e.spawned(key);
    e.advance(seconds{150});
    e.exited(key);
    EXPECT_EQ(e.state(key), State::starting);
    EXPECT_EQ(e.spawns(), 2U);
    e.spawned(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
}

TEST(EngineSchedule, overlap_replace_ends_the_present_run_and_starts_the_next) {
    Engine e;
    const DaemonKey key = e.add(job(Overlap::replace));
    e.advance(minutes{1});
    e.spawned(key);
    const RunId first = e.run(key);
    e.advance(minutes{1});
    EXPECT_EQ(e.state(key), State::stopping);
    EXPECT_EQ(e.signals(first), std::vector<std::string>{"15"});
    e.exited(key, ExitStatus::signalled(15));
    EXPECT_EQ(e.state(key), State::starting);
    EXPECT_NE(e.run(key), first);
    e.spawned(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
}

TEST(EngineSchedule, a_stop_while_a_run_is_replaced_wins) {
    Engine e;
    const DaemonKey key = e.add(job(Overlap::replace));
    e.advance(minutes{1});
    e.spawned(key);
    e.advance(minutes{1});
    ASSERT_EQ(e.state(key), State::stopping);
    const RequestId request = e.stop(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::stopped);
    EXPECT_TRUE(e.done(request));
}

TEST(EngineSchedule, a_run_that_still_waits_for_dependencies_is_not_replaced) {
    Engine e;
    model::DaemonSpec slow = with_check(make_spec("db"));
    slow.health_check->interval = hours{1};
    const DaemonKey db = e.add(slow);
    const DaemonKey key = e.add(needing(job(Overlap::replace), {"db"}));
    const RequestId request = e.start(key, true);
    e.spawned(db);
    e.advance(minutes{1});
    EXPECT_EQ(e.state(key), State::starting);
    EXPECT_FALSE(e.answered(request)) << e.refusal_text(request);
    e.next_check(db, true);
    e.spawned(key);
    EXPECT_TRUE(e.done(request));
}

model::StoredInstance armed_long_ago(const Engine& e) {
    model::StoredInstance stored;
    stored.state = State::scheduled;
    stored.target = model::Target::up;
    stored.armed_at = e.now().wall - hours{10};
    stored.last_fired_at = e.now().wall - hours{1};
    return stored;
}

TEST(EngineSchedule, catch_up_one_runs_a_missed_job_once_at_the_start_of_the_manager) {
    for (const CatchUp catch_up : {CatchUp::none, CatchUp::one}) {
        Engine e;
        const DaemonKey key = e.load(job(Overlap::skip, catch_up), armed_long_ago(e));
        e.manager_started();
        if (catch_up == CatchUp::none) {
            EXPECT_EQ(e.state(key), State::scheduled);
            continue;
        }
        ASSERT_EQ(e.state(key), State::starting);
        e.spawned(key);
        e.exited(key);
        EXPECT_EQ(e.state(key), State::scheduled);
        EXPECT_EQ(e.spawns(), 1U);
    }
}

TEST(EngineSchedule, nothing_is_caught_up_when_nothing_was_missed) {
    Engine e;
    model::StoredInstance stored = armed_long_ago(e);
    stored.armed_at = e.now().wall - hours{10} - seconds{30};
    stored.last_fired_at = e.now().wall - seconds{20};
    const DaemonKey key = e.load(job(Overlap::skip, CatchUp::one), stored);
    e.manager_started();
    EXPECT_EQ(e.state(key), State::scheduled);
}

TEST(EngineSchedule, a_disarmed_schedule_stays_so_over_a_restart_of_the_manager) {
    Engine e;
    const DaemonKey key = e.load(job(Overlap::skip, CatchUp::one), model::StoredInstance{});
    e.manager_started();
    EXPECT_EQ(e.state(key), State::stopped);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 0U);
}

TEST(EngineSchedule, reboot_runs_once_when_the_manager_starts) {
    Engine e;
    model::DaemonSpec spec = with_schedule(make_spec("job"), "@reboot");
    const DaemonKey key = e.load(spec, armed_long_ago(e));
    e.manager_started();
    ASSERT_EQ(e.state(key), State::starting);
    e.spawned(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
    e.advance(hours{48});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(EngineSchedule, stays_armed_over_a_restart_of_the_manager_after_a_dependency_failed) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey key = e.add(needing(job(), {"db"}));
    e.advance(minutes{1});
    e.spawn_failed(db);
    EXPECT_EQ(e.state(key), State::scheduled);
    Engine next;
    const DaemonKey again = next.load(job(), e.machine(key).stored());
    next.manager_started();
    EXPECT_EQ(next.state(again), State::scheduled);
}

TEST(EngineSchedule, a_schedule_that_is_removed_from_the_spec_is_disarmed) {
    Engine e;
    const DaemonKey key = e.add(job());
    e.change(key, make_spec("job"));
    EXPECT_EQ(e.state(key), State::stopped);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 0U);
    e.change(key, job());
    EXPECT_EQ(e.state(key), State::scheduled);
}

TEST(EngineSchedule, a_schedule_that_is_changed_during_a_run_applies_at_once) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 0 1 1 *"));
    e.up(key);
    e.change(key, job());
    EXPECT_LE(e.view(key).next_run_at.value() - e.now().wall, minutes{1});
    e.exited(key);
    e.advance(minutes{1});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineSchedule, a_running_daemon_that_gets_a_schedule_returns_to_scheduled) {
    Engine e;
    const DaemonKey key = e.add(make_spec("job"));
    e.up(key);
    e.change(key, job());
    EXPECT_EQ(e.state(key), State::running);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
}

TEST(EngineSchedule, a_schedule_that_is_removed_leaves_nothing_to_restore) {
    Engine e;
    const DaemonKey key = e.add(job());
    e.change(key, make_spec("job"));
    EXPECT_EQ(e.machine(key).stored().target, model::Target::down);
}

TEST(EngineSchedule, a_run_that_ends_as_unhealthy_is_replaced_by_the_next) {
    Engine e;
    const DaemonKey key = e.add(with_check(job(Overlap::replace)));
    e.up(key);
    e.fail_until_unhealthy(key);
    ASSERT_EQ(e.state(key), State::stopping);
    e.handle(TimeAdvanced{});
    e.advance(seconds{29});  // Within stop_timeout; the schedule fires on the way or soon after.
    while (e.view(key).next_run_at.value() - e.now().wall > minutes{1}) e.advance(seconds{1});
    e.advance(minutes{1});
    e.exited(key, ExitStatus::signalled(9));
    EXPECT_EQ(e.state(key), State::starting);
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineSchedule, a_queued_run_does_not_outlive_the_failure_of_its_dependency) {
    Engine e;
    const DaemonKey db = e.add(make_spec("db"));
    const DaemonKey key = e.add(needing(job(Overlap::queue), {"db"}));
    e.advance(minutes{2});  // The first waits for db, the second is queued.
    e.spawn_failed(db);
    EXPECT_EQ(e.state(key), State::scheduled);
    e.up(db);
    e.up(key);
    e.exited(key);
    EXPECT_EQ(e.state(key), State::scheduled);
}

TEST(EngineSchedule, nothing_fires_once_the_manager_shuts_down) {
    Engine e;
    const DaemonKey key = e.add(job());
    e.shut_down();
    EXPECT_EQ(e.count<Finish>(), 1U);
    e.advance(hours{1});
    EXPECT_EQ(e.spawns(), 0U);
    // The next manager finds it armed.
    EXPECT_EQ(e.machine(key).stored().target, model::Target::up);
    EXPECT_TRUE(e.machine(key).stored().armed_at.has_value());
}

TEST(EngineSchedule, a_queued_run_outlives_the_manager) {
    for (const bool lives : {true, false}) {
        Engine first;
        const DaemonKey begun = first.add(job(Overlap::queue));
        first.advance(minutes{1});
        first.spawned(begun);
        first.forget_actions();
        first.advance(minutes{1});
        EXPECT_GE(first.count<PersistInstance>(), 1U);
        const model::StoredInstance kept = first.machine(begun).stored();
        EXPECT_TRUE(kept.queued_run);

        Engine second;
        const DaemonKey key = second.load(job(Overlap::queue), kept);
        second.manager_started();
        if (lives) {
            second.spawned(key);
            EXPECT_EQ(second.spawns(), 0U);
            second.exited(key);
        } else {
            second.gone(key);
        }
        EXPECT_EQ(second.spawns(), 1U) << "the queued one";
        EXPECT_FALSE(second.machine(key).stored().queued_run);
    }
}

}  // namespace
}  // namespace syspulse::engine::test
