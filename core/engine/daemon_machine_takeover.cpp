// What a daemon's machine takes over from the last manager: the search for a run that may still
// live, and what was due or promised meanwhile.
#include <algorithm>
#include <utility>

#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::State;
using model::Target;

void DaemonMachine::load(const model::StoredInstance& stored, bool rebooted) {
    rebooted_ = rebooted;
    before_ = stored.state;
    completed_ = stored.completed && !rebooted;
    state_ = stored.state;
    target_ = stored.target;
    run_ = stored.run;
    run_live_ = stored.run_live;
    pid_ = stored.pid;
    token_ = stored.token;
    const model::PluginChoice began_with{stored.driver, stored.driver_options};
    if (stored.driver.empty() || began_with == spec_->driver) {
        driver_ = {spec_, &spec_->driver};
    } else {
        driver_ = std::make_shared<const model::PluginChoice>(began_with);
    }
    spec_changed_ = stored.spec_changed;
    run_spec_ = spec_changed_ ? nullptr : spec_;
    started_at_ = stored.started_at;
    began_at_ = stored.started_at.value_or(WallTime{});
    stopped_at_ = stored.stopped_at;
    last_exit_ = stored.last_exit;
    restart_count_ = stored.restart_count;
    attempt_ = stored.attempt;
    last_error_ = stored.last_error;
    armed_at_ = stored.armed_at;
    last_fired_at_ = stored.last_fired_at;
    queued_run_ = stored.queued_run;
    next_restart_at_ = stored.next_restart_at;
    kill_at_ = stored.kill_at;
    if (health_) health_->assume(stored.health);
    left_over_ = run_live_;
    if (run_live_) take_age(true);  // Asked before it is found.
}

// Arms the schedule; true if a run is due that no manager was there for. A gap between two managers
// is no reason to miss one.
bool DaemonMachine::arm_again(bool continued) {
    const WallTime now = surroundings_.now().wall;
    const auto last_fired = last_fired_at_;
    const auto due = spec_->schedule->compiled.next(last_fired.value_or(armed_at_.value_or(now)),
                                                    armed_at_.value_or(now));
    const bool wanted = continued || spec_->schedule->catch_up == model::ScheduleSpec::CatchUp::one;
    const bool missed = armed_at_ && wanted && due && *due <= now;
    arm_schedule(armed_at_, last_fired);
    return missed;
}

// Goes on with a back-off of the last manager. A calendar that was set in between must not make it
// longer than the policy allows.
bool DaemonMachine::wait_on() {
    if (state_ != State::backoff || target_ != Target::up || !next_restart_at_ || rebooted_)
        return false;
    const Now now = surroundings_.now();
    const Duration longest = spec_->restart.backoff_max + spec_->restart.backoff_max / 10;
    const Duration left = std::clamp<Duration>(*next_restart_at_ - now.wall, Duration{0}, longest);
    wait_to_restart(left);
    return true;
}

// Of a stop that an earlier manager began, with the time that was granted it. A calendar that was
// set back in between must not make it endless.
Duration DaemonMachine::stop_time_left() const {
    constexpr Duration longest = std::chrono::hours{24};
    if (!kill_at_) return spec_->stop_timeout;
    return std::clamp<Duration>(*kill_at_ - surroundings_.now().wall, Duration{0}, longest);
}

// What a scheduled daemon should have begun and no manager could: a run at a time that passed
// meanwhile, one with this start of the manager, or one that was accepted and has no process.
DaemonMachine::Owed DaemonMachine::take_debts(bool restore, bool continued) {
    const bool accepted = restore && before_ == State::starting && !knows_process();
    if (arm_again(continued)) return Owed::missed;
    if (spec_->schedule->compiled.at_start() && !continued) return Owed::at_start;
    return accepted ? Owed::accepted : Owed::none;
}

void DaemonMachine::resume(bool restore, bool continued) {
    left_over_ = false;
    const Target wanted = target_;
    const bool autostart = spec_->autostart && !continued;
    const bool arm_it = spec_->schedule && (autostart || (wanted == Target::up && armed_at_));
    owed_ = arm_it ? take_debts(restore, continued) : Owed::none;
    queued_run_ = queued_run_ && arm_it && (restore || run_live_);
    if (run_live_) {
        unfound_ = true;
        phase_ = Phase::recovering;
        enter(State::starting, "looked for after a restart of the manager");
        look_for();
        return;
    }
    pid_ = 0;
    if (arm_it) {
        if (state_ != State::scheduled) enter(State::scheduled, "schedule armed");
        begin_owed_run();
        return;
    }
    const bool ran = wanted == Target::up;
    if (restore && ran && wait_on()) return;
    if ((restore && ran) || autostart) {
        begin_start(restore && ran ? "restored" : "autostart");
        return;
    }
    target_ = Target::down;
    if (before_ != State::failed && before_ != State::stopped)
        enter(State::stopped, "not restored");
}

// Of a scheduled daemon without a live run.
void DaemonMachine::begin_owed_run() {
    switch (owed_) {
        case Owed::missed:
            return begin_start("catching up a missed run");
        case Owed::at_start:
            return begin_start("started with the manager");
        case Owed::accepted:
            return begin_start("restored");
        case Owed::none:
            if (std::exchange(queued_run_, false)) begin_start("queued run");
            return;
    }
}

// The run of the last manager lives. It is the one that was accepted or is to run with the manager;
// a time that passed meanwhile has met it.
void DaemonMachine::settle_debts() {
    if (pay_debt() == Owed::missed) overlap();
}

// A time that passed counts as met from now on.
DaemonMachine::Owed DaemonMachine::pay_debt() {
    if (owed_ == Owed::missed || owed_ == Owed::at_start) {
        last_fired_at_ = surroundings_.now().wall;
        persist();
    }
    return std::exchange(owed_, Owed::none);
}

void DaemonMachine::look_for() {
    if (!unfound_ || spawn_pending_) return;
    cancel(TimerKind::backoff);
    spawn_pending_ = true;
    surroundings_.emit(RecoverRun{key_, run_, token_, *driver_});
}

void DaemonMachine::recover_failed(const RecoverFailed& event) {
    if (event.run != run_ || !run_live_ || !unfound_ || !spawn_pending_) return;
    spawn_pending_ = false;
    // Nothing outlives the machine, whatever the driver can or cannot say about it.
    if (event.gone || rebooted_) return lost_in_recovery(event.never_ran);
    out_of_reach(event.error);
}

// A start that failed may have left a process. As after a restart of the manager, it is looked for,
// and no other run begins beside it.
void DaemonMachine::doubt(const Error& error) {
    unfound_ = true;
    doubted_ = true;
    looks_ = 0;
    before_ = State::starting;
    if (state_ == State::starting) phase_ = Phase::recovering;
    out_of_reach(error);
}

// The driver could not look, so the process may well live. It stays recorded, no other run begins
// beside it, and the driver is asked again; who waits is told.
void DaemonMachine::out_of_reach(const Error& error) {
    constexpr Duration first_delay = std::chrono::seconds{1};
    constexpr std::uint8_t longest = 5;  // 32 s
    const Duration delay = first_delay * (1 << std::min(looks_, longest));
    if (looks_ < longest) ++looks_;
    const std::string what = (doubted_ ? "cannot tell whether the failed start left a process: "
                                       : "cannot look for the process of the last manager: ") +
                             error.message;
    if (std::exchange(last_error_, what) != what)
        note("transition", std::string(to_string(state_)), std::string(to_string(state_)), what);
    if (shutting_down_) return abandon();
    persist();
    arm(TimerKind::backoff, surroundings_.now().mono + delay);
    const std::string number = pid_ > 0 ? " (pid " + std::to_string(pid_) + ")" : "";
    const Error told{ErrorCode::internal, "cannot look for the process of \"" + spec_->name + '"' +
                                              number + ": " + error.message + "; next try in " +
                                              format_duration(delay)};
    surroundings_.reached(key_, {Milestone::Kind::retrying, told});
    surroundings_.reached(key_, {Milestone::Kind::undying, told});
}

// A wall clock that was set back must not make the run younger than zero.
void DaemonMachine::take_age(bool recovered) {
    const Now now = surroundings_.now();
    if (!recovered || !started_at_) started_at_ = now.wall;
    started_mono_ = now.mono - std::max(now.wall - *started_at_, std::chrono::milliseconds{0});
}

// The run that was to be found is gone, and nobody saw how it ended. If the machine went down with
// it, or it had not come up or was to come back anyway, what ran runs again. An end in a running
// machine is an end like any other: the policy decides, and the unknown status counts as a failure.
// What never ran has no end.
void DaemonMachine::lost_in_recovery(bool never_ran) {
    const bool had_run = knows_process();
    const bool failed_start = doubted_;
    const bool again = start_again_;
    never_ran = never_ran || failed_start;
    const auto status = never_ran && !had_run ? std::nullopt : std::optional(ExitStatus::unknown());
    end_run(status, surroundings_.now().wall);
    if (state_ == State::stopping || target_ == Target::down || before_ == State::stopping) {
        if (state_ != State::stopping) start_after_stop_ = start_follows_earlier_stop();
        after_stop();
        return;
    }
    if (again) {
        restart_count_ = 0;
        attempt_ = 0;
        begin_start("started on request");
        return;
    }
    const std::string what =
        failed_start ? "the start failed, and no process is left of it"
                     : "the process ended while no manager was running; its exit status is unknown";
    if (!failed_start && !armed_ && (rebooted_ || !had_run)) {
        begin_start("restored");
        return;
    }
    last_error_ = what;
    after_failed_or_ended(true, what, std::nullopt);
}

// A restart, an unhealthy daemon's stop and a shutdown want the daemon up again; a stop by hand
// does not, and a scheduled daemon waits for its time.
bool DaemonMachine::start_follows_earlier_stop() const {
    return before_ == State::stopping && target_ == Target::up && !armed_;
}

}  // namespace syspulse::engine
