// When a scheduled daemon runs.
#include <utility>

#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::ScheduleSpec;
using model::State;
using model::Target;

namespace {

// A clock that is corrected by no more than this has not missed anything, nor is a time that it
// comes to once more another time.
constexpr auto small_step = std::chrono::minutes{1};

}  // namespace

void DaemonMachine::arm_schedule(std::optional<WallTime> armed_at,
                                 std::optional<WallTime> last_fired_at) {
    const WallTime now = surroundings_.now().wall;
    armed_ = true;
    armed_at_ = armed_at.value_or(now);
    last_fired_at_ = last_fired_at;
    target_ = Target::up;
    plan_schedule();
    if (state_ == State::stopped || state_ == State::failed)
        enter(State::scheduled, "schedule armed");
}

void DaemonMachine::disarm_schedule() {
    armed_ = false;
    owed_ = Owed::none;
    queued_run_ = false;
    armed_at_.reset();
    next_fire_.reset();
    cancel(TimerKind::schedule);
}

void DaemonMachine::plan_schedule() {
    const Now now = surroundings_.now();
    // Intervals are counted from when it was armed: a clock that was wrong then is no reason to
    // wait until it is right.
    if (*armed_at_ - now.wall > small_step) armed_at_ = now.wall;
    WallTime after = now.wall;
    if (last_fired_at_ && *last_fired_at_ > after && *last_fired_at_ - after <= small_step)
        after = *last_fired_at_;
    next_fire_ = spec_->schedule->compiled.next(after, *armed_at_);
    if (next_fire_) {
        arm(TimerKind::schedule, now.mono + (*next_fire_ - now.wall));
    } else {
        cancel(TimerKind::schedule);
    }
    persist();
}

// The clock was set, or the machine slept.
void DaemonMachine::wall_clock_changed() {
    // What is being waited for comes after the same time as before, at another hour.
    if (kill_at_) note_kill_time();
    if (state_ == State::backoff && next_restart_at_) {
        note_restart_time();
        persist();
    }
    if (!armed_ || shutting_down_) return;
    const WallTime now = surroundings_.now().wall;
    if (!next_fire_ || now < *next_fire_) return plan_schedule();
    const bool wanted = spec_->schedule->catch_up == ScheduleSpec::CatchUp::one;
    if (wanted || now - *next_fire_ <= small_step) return schedule_fired();
    note("schedule", "", "skipped", "the clock jumped over its time");
    plan_schedule();
}

void DaemonMachine::schedule_fired() {
    if (!armed_ || shutting_down_) return;
    const Now now = surroundings_.now();
    if (next_fire_ && now.wall < *next_fire_) {
        // The calendar was set back in the meantime.
        arm(TimerKind::schedule, now.mono + (*next_fire_ - now.wall));
        return;
    }
    owed_ = Owed::none;
    last_fired_at_ = now.wall;
    plan_schedule();
    switch (state_) {
        case State::scheduled:
        case State::stopped:
        case State::failed:
        case State::backoff:
            begin_start("schedule");
            return;
        case State::starting:
        case State::running:
        case State::stopping:
            return overlap();
    }
}

// A time came while the previous run had not ended.
void DaemonMachine::overlap() {
    switch (spec_->schedule->overlap) {
        case ScheduleSpec::Overlap::skip:
            note("schedule", "", "skipped", "the previous run has not ended");
            return;
        case ScheduleSpec::Overlap::queue:
            note("schedule", "", "queued", "the previous run has not ended");
            queued_run_ = true;
            persist();
            return;
        case ScheduleSpec::Overlap::replace:
            // A run that still waits for its dependencies is the next run already.
            if (phase_ == Phase::waiting_for_dependencies) return;
            note("schedule", "", "replaced", "the previous run has not ended");
            if (state_ == State::stopping) {
                start_after_stop_ = true;
                persist();
                return;
            }
            begin_stop(StopCause::replaced, false, std::nullopt, false);
            start_after_stop_ = true;
            return;
    }
}

// What is still to run does so now, and not at its next time.
void DaemonMachine::rest_until_scheduled(std::string_view reason, std::optional<Error> error) {
    come_to_rest(State::scheduled, reason, std::move(error));
    if (!shutting_down_) begin_owed_run();
}

}  // namespace syspulse::engine
