// Schedules and a clock that is set, slept through or stepped back.
#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

using CatchUp = model::ScheduleSpec::CatchUp;
using Overlap = model::ScheduleSpec::Overlap;

TEST(EngineClock, a_calendar_that_is_set_back_does_not_fire_early_or_twice) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 * * * *"));
    const WallTime due = e.view(key).next_run_at.value();
    e.set_wall(due - minutes{30});
    EXPECT_EQ(e.view(key).next_run_at, due);
    e.advance(minutes{30} - milliseconds{1});
    EXPECT_EQ(e.spawns(), 0U);
    e.advance(milliseconds{1});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(EngineClock, a_calendar_that_is_set_forward_is_followed) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 * * * *"));
    const WallTime due = e.view(key).next_run_at.value();
    e.set_wall(due - seconds{1});
    e.advance(seconds{1});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(EngineClock, a_calendar_set_back_without_notice_is_noticed_when_the_timer_fires) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 * * * *"));
    const WallTime due = e.view(key).next_run_at.value();
    const auto wait = std::chrono::floor<milliseconds>(e.until_deadline().value());
    e.set_wall(due - wait - minutes{5});
    e.advance(wait);
    EXPECT_EQ(e.spawns(), 0U);
    e.advance(minutes{5});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(EngineClock, a_small_step_of_the_clock_over_a_time_that_is_due_does_not_lose_it) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 3 * * *"));
    const WallTime due = e.view(key).next_run_at.value();
    e.set_wall(due - milliseconds{20});
    e.set_wall(due + milliseconds{30});
    EXPECT_EQ(e.spawns(), 1U);
    EXPECT_EQ(e.view(key).next_run_at, due + hours{24});
    e.spawned(key);
    e.exited(key);
    e.advance(hours{23});
    EXPECT_EQ(e.spawns(), 1U);
}

TEST(EngineClock, a_back_off_takes_as_long_and_says_when_it_ends_by_the_new_calendar) {
    Engine e;
    model::DaemonSpec spec = make_spec("web");
    spec.restart.kind = model::RestartPolicy::Kind::always;
    spec.restart.backoff_base = spec.restart.backoff_max = minutes{10};
    const DaemonKey key = e.add(spec);
    e.start(key);
    e.spawned(key);
    e.exited(key);
    const auto left = [&] { return e.view(key).next_restart_at.value() - e.now().wall; };
    const auto before = left();
    e.set_wall(e.now().wall + hours{5});
    EXPECT_EQ(left(), before);
    e.set_wall(e.now().wall - hours{9});
    EXPECT_EQ(left(), before);
    e.advance(minutes{9});
    EXPECT_EQ(e.spawns(), 1U);
    e.advance(minutes{3});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineClock, deadlines_that_are_put_off_again_and_again_are_not_kept) {
    Engine e;
    e.add(with_schedule(make_spec("yearly"), "0 0 1 1 *"));
    model::DaemonSpec patient = make_spec("patient");
    patient.stop_timeout = hours{10};
    const DaemonKey key = e.add(patient);
    for (int i = 0; i < 1000; ++i) {
        e.up(key);
        e.stop(key, false, hours{20});
        e.exited(key);
        e.handle(WallClockChanged{});
    }
    EXPECT_LT(e.supervisor().timers(), 100U);
}

TEST(EngineClock, a_time_that_the_machine_slept_through_is_made_up_for_when_that_is_wanted) {
    for (const CatchUp catch_up : {CatchUp::none, CatchUp::one}) {
        Engine e;
        const DaemonKey key =
            e.add(with_schedule(make_spec("job"), "0 * * * *", Overlap::skip, catch_up));
        const WallTime due = e.view(key).next_run_at.value();
        e.set_wall(due + hours{5} + minutes{10});
        EXPECT_EQ(e.spawns(), catch_up == CatchUp::one ? 1U : 0U);
        EXPECT_EQ(e.view(key).next_run_at, due + hours{6});
        bool told = false;
        for (const AddHistory& entry : e.all<AddHistory>()) told = told || entry.to == "skipped";
        EXPECT_EQ(told, catch_up == CatchUp::none);
    }
}

TEST(EngineClock, a_clock_that_is_set_back_a_little_does_not_run_a_job_twice) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 * * * *"));
    const WallTime due = e.view(key).next_run_at.value();
    e.set_wall(due - seconds{1});
    e.advance(seconds{1} + milliseconds{5});
    ASSERT_EQ(e.spawns(), 1U);
    e.spawned(key);
    e.exited(key);
    e.set_wall(e.now().wall - seconds{1});
    EXPECT_EQ(e.view(key).next_run_at, due + hours{1});
    e.advance(minutes{59});
    EXPECT_EQ(e.spawns(), 1U);
    e.advance(minutes{2});
    EXPECT_EQ(e.spawns(), 2U);
}

TEST(EngineClock, nor_does_a_manager_that_starts_after_that) {
    Engine e;
    model::StoredInstance stored;
    stored.state = State::scheduled;
    stored.target = model::Target::up;
    stored.armed_at = e.now().wall - hours{10};
    const auto hour = std::chrono::ceil<hours>(e.now().wall);
    stored.last_fired_at = hour + milliseconds{5};
    e.set_wall(hour - seconds{1});
    const DaemonKey key = e.load(with_schedule(make_spec("job"), "0 * * * *"), stored);
    e.manager_started();
    EXPECT_EQ(e.view(key).next_run_at, hour + hours{1});
}

TEST(EngineClock, a_calendar_that_was_wrong_by_far_is_followed_when_it_is_set_right) {
    Engine e;
    const DaemonKey key = e.add(with_schedule(make_spec("job"), "0 * * * *"));
    const WallTime due = e.view(key).next_run_at.value();
    e.set_wall(due - seconds{1});
    e.advance(seconds{1});
    e.spawned(key);
    e.exited(key);
    e.set_wall(due - hours{24 * 365});
    EXPECT_LE(e.view(key).next_run_at.value() - e.now().wall, hours{1});
}

}  // namespace
}  // namespace syspulse::engine::test
