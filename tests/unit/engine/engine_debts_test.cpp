// What a scheduled daemon is owed by a manager that was not there: a time that passed, a start with
// the system, a run that was accepted.
#include <algorithm>

#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using CatchUp = model::ScheduleSpec::CatchUp;
using Overlap = model::ScheduleSpec::Overlap;

constexpr auto* hourly = "0 * * * *";

// Armed five hours ago, and at work since ten minutes.
model::StoredInstance at_work(const Engine& e, State state = State::running) {
    model::StoredInstance instance = stored(state, model::Target::up, true);
    instance.armed_at = e.now().wall - hours{5};
    instance.last_fired_at = e.now().wall - hours{2};
    return instance;
}

// Accepted and recorded, or not even that.
model::StoredInstance accepted(const Engine& e, bool recorded) {
    model::StoredInstance instance = stored(State::starting, model::Target::up, recorded);
    instance.armed_at = e.now().wall - minutes{1};
    instance.last_fired_at = e.now().wall - seconds{1};
    instance.pid = 0;
    instance.token.clear();
    return instance;
}

TEST(Debts, a_job_with_the_start_of_the_system_runs_also_when_it_was_at_work_as_that_went_down) {
    Engine e;
    const DaemonKey job = e.load(with_schedule(make_spec("job"), "@reboot"), at_work(e), true);
    e.manager_started();
    e.gone(job);
    EXPECT_EQ(e.state(job), State::starting);
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Debts, a_job_with_the_start_of_the_system_that_still_runs_is_not_run_again) {
    Engine e;
    const DaemonKey job = e.load(with_schedule(make_spec("job"), "@reboot"), at_work(e));
    e.manager_started();
    e.spawned(job);
    e.exited(job);
    EXPECT_EQ(e.state(job), State::scheduled);
    EXPECT_EQ(e.spawns(), 0U);
}

TEST(Debts, a_job_with_the_start_of_the_system_runs_in_a_manager_that_restores_nothing) {
    Engine e;
    const DaemonKey job = e.add(with_schedule(make_spec("job"), "@reboot"));
    e.manager_started(false);
    EXPECT_EQ(e.state(job), State::starting);
}

TEST(Debts, a_time_that_passed_is_caught_up_after_a_run_that_went_down_with_the_machine) {
    for (const CatchUp catch_up : {CatchUp::one, CatchUp::none}) {
        Engine e;
        const DaemonKey job = e.load(
            with_schedule(make_spec("job"), hourly, Overlap::skip, catch_up), at_work(e), true);
        e.manager_started();
        e.gone(job);
        EXPECT_EQ(e.spawns(), catch_up == CatchUp::one ? 1U : 0U);
        EXPECT_EQ(e.state(job), catch_up == CatchUp::one ? State::starting : State::scheduled);
    }
}

TEST(Debts, a_time_that_passed_meets_the_run_that_lives) {
    for (const Overlap overlap : {Overlap::skip, Overlap::queue, Overlap::replace}) {
        Engine e;
        const DaemonKey job = e.load(with_schedule(make_spec("job"), hourly, overlap), at_work(e));
        e.manager_started(true, true);
        e.spawned(job);
        EXPECT_EQ(e.state(job), overlap == Overlap::replace ? State::stopping : State::running);
        const auto notes = e.all<AddHistory>();
        EXPECT_EQ(std::ranges::count(notes, "schedule", &AddHistory::kind), 1);
        EXPECT_EQ(e.machine(job).stored().last_fired_at, e.now().wall);
        e.exited(job);
        EXPECT_EQ(e.spawns(), overlap == Overlap::skip ? 0U : 1U);
    }
}

TEST(Debts, a_time_that_passed_is_still_owed_when_the_next_manager_dies_too) {
    Engine first;
    const auto spec = with_schedule(make_spec("job"), hourly, Overlap::queue);
    const DaemonKey begun = first.load(spec, at_work(first));
    first.manager_started(true, true);
    Engine second;
    const DaemonKey job = second.load(spec, first.machine(begun).stored());
    second.manager_started(true, true);
    second.spawned(job);
    EXPECT_TRUE(second.machine(job).stored().queued_run);
}

TEST(Debts, an_accepted_run_without_a_process_is_carried_out) {
    for (const bool recorded : {true, false}) {
        Engine e;
        const DaemonKey job =
            e.load(with_schedule(make_spec("job"), "0 0 1 1 *"), accepted(e, recorded));
        e.manager_started(true, true);
        if (recorded) {
            EXPECT_EQ(e.spawns(), 0U);
            e.gone(job, true);
        }
        EXPECT_EQ(e.state(job), State::starting);
        EXPECT_EQ(e.spawns(), 1U);
    }
}

TEST(Debts, an_accepted_run_whose_process_lives_is_that_run) {
    Engine e;
    const DaemonKey job = e.load(with_schedule(make_spec("job"), "0 0 1 1 *"), accepted(e, true));
    e.manager_started(true, true);
    e.spawned(job);
    e.exited(job);
    EXPECT_EQ(e.state(job), State::scheduled);
    EXPECT_EQ(e.spawns(), 0U);
}

TEST(Debts, a_run_that_was_to_follow_a_stop_follows_it_under_the_next_manager) {
    for (const bool found : {true, false}) {
        for (const bool replaced : {true, false}) {
            Engine first;
            const auto spec = with_schedule(make_spec("job"), hourly, Overlap::replace);
            const DaemonKey begun = first.add(spec);
            first.up(begun);
            if (replaced) {
                first.advance(hours{1});
            } else {
                first.restart(begun);
            }
            ASSERT_EQ(first.state(begun), State::stopping);
            Engine second;
            const DaemonKey job = second.load(spec, first.machine(begun).stored());
            second.manager_started(true, true);
            if (found) {
                second.spawned(job);
                second.exited(job);
            } else {
                second.gone(job);
            }
            EXPECT_EQ(second.spawns(), 1U) << found << replaced;
        }
    }
}

TEST(Debts, a_stop_is_the_end_of_them) {
    Engine e;
    const DaemonKey job =
        e.load(with_schedule(make_spec("job"), hourly, Overlap::queue), at_work(e));
    e.manager_started(true, true);
    e.stop(job);
    e.spawned(job);
    e.exited(job);
    EXPECT_EQ(e.state(job), State::stopped);
    EXPECT_EQ(e.spawns(), 0U);
}

TEST(Debts, a_declaration_that_changes_before_the_manager_begins_does_not_forgive_them) {
    Engine e;
    model::StoredInstance armed = stored(State::scheduled, model::Target::up);
    armed.armed_at = e.now().wall - hours{5};
    armed.last_fired_at = e.now().wall - hours{2};
    const auto spec = with_schedule(make_spec("job"), hourly, Overlap::skip, CatchUp::one);
    const DaemonKey job = e.load(spec, armed);
    model::DaemonSpec described = spec;
    described.description = "every hour";
    e.change(job, described);
    e.manager_started();
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(Debts, an_interval_that_was_armed_by_a_wrong_clock_goes_on_when_it_is_set_right) {
    Engine e;
    const WallTime right = e.now().wall;
    e.set_wall(right + hours{24 * 365});
    const DaemonKey job = e.add(with_schedule(make_spec("job"), "@every 10m"));
    e.set_wall(right);
    e.advance(minutes{10});
    EXPECT_EQ(e.spawns(), 1U);
    EXPECT_EQ(e.state(job), State::starting);
}

}  // namespace
}  // namespace syspulse::engine::test
