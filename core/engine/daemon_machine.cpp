#include "engine/daemon_machine.hpp"

#include <algorithm>
#include <utility>

#include "base/signals.hpp"

namespace syspulse::engine {

using model::Health;
using model::State;
using model::Target;

DaemonMachine::DaemonMachine(Surroundings& surroundings, DaemonKey key, SpecPtr spec)
    : surroundings_(surroundings), spec_(std::move(spec)), key_(key) {
    if (spec_->health_check) health_.emplace();
}

// --- what comes back from the world --------------------------------------------------------------

void DaemonMachine::spawned(const Spawned& event) {
    if (event.run != run_ || !run_live_ || !spawn_pending_) return;
    spawn_pending_ = false;
    pid_ = event.pid;
    token_ = event.token;
    const bool recovered = std::exchange(unfound_, false);
    doubted_ = false;
    start_again_ = false;
    take_age(recovered);
    switch (state_) {
        case State::starting:
            now_running(event, recovered);
            return;
        case State::stopping:
            // The stop came while the answer was outstanding.
            hold_ = event.paused ? Hold::paused : Hold::none;
            persist_run();
            persist();
            if (phase_ == Phase::terminating) terminate();
            if (phase_ != Phase::killing) let_go();
            if (phase_ == Phase::killing) kill("killed on request");
            return;
        case State::stopped:
        case State::running:
        case State::backoff:
        case State::failed:
        case State::scheduled:
            return;
    }
}

void DaemonMachine::now_running(const Spawned& event, bool recovered) {
    stopped_at_.reset();
    asked_ = false;
    if (recovered) last_error_.clear();
    phase_ = Phase::none;
    hold_ = event.paused ? Hold::paused : Hold::none;
    persist_run();
    if (recovered && before_ == State::stopping) {
        // Carry on with the stop of the last manager, and with what was to follow it.
        enter(State::running, "found after a restart of the manager");
        const bool again = start_follows_earlier_stop();
        begin_stop(again ? StopCause::restart : StopCause::request, false, stop_time_left(), false);
        start_after_stop_ = again;
        settle_debts();
        return;
    }
    enter(State::running,
          recovered ? "found after a restart of the manager" : "pid " + std::to_string(event.pid));
    // Recorded as soon as it holds: how long a run was that ends unseen nobody could tell.
    if (attempt_ > 0) arm(TimerKind::steady, started_mono_ + spec_->restart.reset_after);
    surroundings_.reached(key_, {Milestone::Kind::spawned, std::nullopt});
    if (hold_ == Hold::paused) tell_that_nothing_is_checked();
    if (spec_->health_check) {
        begin_checks(recovered);
    } else {
        surroundings_.reached(key_, {Milestone::Kind::ready, std::nullopt});
    }
    settle_debts();
}

void DaemonMachine::spawn_failed(const SpawnFailed& event) {
    if (event.run != run_ || !run_live_ || !spawn_pending_ || unfound_) return;
    spawn_pending_ = false;
    if (event.in_doubt) return doubt(event.error);
    end_run(std::nullopt, surroundings_.now().wall);
    if (state_ == State::stopping) {
        after_stop();
        return;
    }
    last_error_ = event.error.message;
    after_failed_or_ended(true, event.error.message, event.error);
}

void DaemonMachine::exited(const Exited& event) {
    if (event.run != run_ || !run_live_) return;
    const Now now = surroundings_.now();
    const bool was_spawning = spawn_pending_;
    const bool was_to_end =
        phase_ == Phase::recovering && (target_ == Target::down || before_ == State::stopping);
    spawn_pending_ = false;
    end_run(event.status, now.wall);
    if (!was_spawning && now.mono - started_mono_ >= spec_->restart.reset_after) attempt_ = 0;
    switch (state_) {
        case State::starting:
        case State::running: {
            if (was_to_end) {
                start_after_stop_ = start_follows_earlier_stop();
                after_stop();
                return;
            }
            const bool failed = !ended_well();
            if (was_spawning) surroundings_.reached(key_, {Milestone::Kind::spawned, std::nullopt});
            last_error_ = failed ? "ended with " + syspulse::describe(event.status) : "";
            after_failed_or_ended(failed, syspulse::describe(event.status), std::nullopt);
            return;
        }
        case State::stopping:
            after_stop();
            return;
        case State::stopped:
        case State::backoff:
        case State::failed:
        case State::scheduled:
            return;
    }
}

void DaemonMachine::timer(TimerKind kind, std::uint32_t generation) {
    if (!timer_is_current(kind, generation)) return;
    cancel(kind);
    switch (kind) {
        case TimerKind::backoff:
            if (unfound_) {
                look_for();
            } else if (state_ == State::backoff) {
                ++restart_count_;
                ++attempt_;
                begin_start("restarted by policy");
            }
            return;
        case TimerKind::kill:
            stop_took_too_long();
            return;
        case TimerKind::check_due:
            start_check();
            return;
        case TimerKind::check_deadline:
            surroundings_.emit(CancelCheck{check_});
            check_ended(false, "the checker did not answer in time", spec_->health_check->timeout);
            return;
        case TimerKind::schedule:
            schedule_fired();
            return;
        case TimerKind::steady:
            attempt_ = 0;
            persist();
            return;
        case TimerKind::request:
            return;
    }
}

// --- waiting for others

void DaemonMachine::dependencies_ready() {
    if (phase_ == Phase::waiting_for_dependencies) spawn();
}

void DaemonMachine::dependency_failed(const std::string& name) {
    if (phase_ != Phase::waiting_for_dependencies) return;
    last_error_ = "dependency \"" + name + "\" failed";
    queued_run_ = false;  // It would meet the same dependency.
    if (!armed_) target_ = Target::down;
    come_to_rest(
        armed_ ? State::scheduled : State::failed, last_error_,
        Error{ErrorCode::internal, "cannot start \"" + spec_->name + "\": " + last_error_});
}

void DaemonMachine::dependents_ended() {
    if (phase_ == Phase::waiting_for_dependents) terminate();
}

// --- steps

void DaemonMachine::begin_start(std::string_view reason) {
    cancel(TimerKind::backoff);
    next_restart_at_.reset();
    target_ = Target::up;
    last_error_.clear();
    completed_ = false;
    phase_ = Phase::waiting_for_dependencies;
    static_cast<void>(pay_debt());
    if (spec_->schedule && !armed_) arm_schedule(std::nullopt, std::nullopt);
    enter(State::starting, reason);
}

void DaemonMachine::spawn() {
    phase_ = Phase::spawning;
    run_ = surroundings_.next_run();
    run_live_ = true;
    spawn_pending_ = true;
    pid_ = 0;
    token_.clear();
    driver_ = {spec_, &spec_->driver};
    run_spec_ = spec_;
    spec_changed_ = false;
    killed_after_.reset();
    const Now now = surroundings_.now();
    began_at_ = now.wall;
    started_at_ = now.wall;
    started_mono_ = now.mono;
    last_exit_.reset();
    persist_run();
    persist();
    surroundings_.emit(SpawnRun{key_, run_, spec_, asked_});
}

void DaemonMachine::end_run(std::optional<ExitStatus> status, WallTime at) {
    cancel(TimerKind::kill);
    cancel(TimerKind::steady);
    end_checks();
    end_hold("ended");
    run_live_ = false;
    unfound_ = false;
    doubted_ = false;
    start_again_ = false;
    kill_at_.reset();
    last_exit_ = status;
    stopped_at_ = at;
    persist_run();
    if (status) note("exit", "", "", syspulse::describe(*status));
    // What the leader left behind in its group goes with it.
    surroundings_.emit(KillRun{run_});
    surroundings_.emit(ReleaseRun{key_, run_});
    pid_ = 0;
    token_.clear();
}

// Decides what follows an end that nobody asked for.
void DaemonMachine::after_failed_or_ended(bool failed, const std::string& what,
                                          std::optional<Error> start_error) {
    phase_ = Phase::none;
    if (armed_) return rest_until_scheduled(what, std::move(start_error));
    const model::RestartQuestion question{failed, stop_cause_ == StopCause::unhealthy && failed,
                                          attempt_};
    const auto decision = model::decide_restart(spec_->restart, question, surroundings_.random());
    if (!decision.restart) {
        target_ = Target::down;
        completed_ = !failed;
        const std::string reason = what + "; " + std::string(decision.reason);
        if (decision.gave_up) last_error_ = reason;
        come_to_rest(failed ? State::failed : State::stopped, reason, std::move(start_error));
        return;
    }
    wait_to_restart(decision.delay);
    enter(State::backoff, what + "; next try in " + format_duration(decision.delay));
    surroundings_.reached(key_, {Milestone::Kind::retrying, std::move(start_error)});
}

void DaemonMachine::wait_to_restart(Duration delay) {
    restart_due_ = surroundings_.now().mono + delay;
    arm(TimerKind::backoff, restart_due_);
    note_restart_time();
}

// For people, and for a manager that has to go on waiting.
void DaemonMachine::note_restart_time() {
    const Now now = surroundings_.now();
    next_restart_at_ =
        now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(restart_due_ - now.mono);
}

void DaemonMachine::come_to_rest(State state, std::string_view reason, std::optional<Error> error) {
    phase_ = Phase::none;
    asked_ = false;
    cancel(TimerKind::backoff);
    next_restart_at_.reset();
    enter(state, reason);
    surroundings_.reached(key_, {Milestone::Kind::rested, std::move(error)});
}

void DaemonMachine::enter(State state, std::string_view reason) {
    note("transition", std::string(to_string(state_)), std::string(to_string(state)),
         std::string(reason));
    state_ = state;
    persist();
    surroundings_.touched(key_);
}

void DaemonMachine::arm(TimerKind kind, Instant when) {
    cancel(kind);
    surroundings_.arm(when, kind, key_, generations_[static_cast<std::size_t>(kind)]);
}

bool DaemonMachine::timer_is_current(TimerKind kind, std::uint32_t generation) const {
    return generations_[static_cast<std::size_t>(kind)] == generation;
}

}  // namespace syspulse::engine
