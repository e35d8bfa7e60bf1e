// What operators and the shutdown ask of one daemon.
#include <utility>

#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::State;
using model::Target;

Result<void> DaemonMachine::start(std::string_view reason, bool asked) {
    switch (state_) {
        case State::stopped:
        case State::backoff:
        case State::failed:
        case State::scheduled:
            restart_count_ = 0;
            attempt_ = 0;
            asked_ = asked;
            begin_start(reason);
            return {};
        case State::starting:
            if (!unfound_ || (spawn_pending_ && !doubted_)) return conflict("is already starting");
            // The start that failed is over for whoever asked for it; this one is another.
            if (doubted_) {
                start_again_ = true;
                asked_ = asked;
            }
            target_ = Target::up;
            persist();
            look_for();
            return {};
        case State::running:
            return conflict("is already running");
        case State::stopping:
            return conflict("is stopping");
    }
    return {};
}

Result<void> DaemonMachine::stop(bool force, std::optional<Duration> timeout) {
    switch (state_) {
        case State::stopped:
        case State::failed:
            return conflict("is not running");
        case State::starting:
        case State::running:
            disarm_schedule();
            target_ = Target::down;
            begin_stop(StopCause::request, force, timeout, !force);
            return {};
        case State::stopping:
            disarm_schedule();
            target_ = Target::down;
            stop_cause_ = StopCause::request;
            start_after_stop_ = false;
            if (force) {
                kill("killed on request");
            } else if (timeout) {
                hasten_stop(*timeout);
            }
            persist();
            look_for();
            return {};
        case State::backoff:
        case State::scheduled:
            disarm_schedule();
            target_ = Target::down;
            come_to_rest(State::stopped, "stopped on request", std::nullopt);
            return {};
    }
    return {};
}

void DaemonMachine::stop_with_dependency(bool force) {
    if (!armed_) {
        if (is_active()) static_cast<void>(stop(force, std::nullopt));
        return;
    }
    // A run that is still to come now would bring back what it needs.
    owed_ = Owed::none;
    queued_run_ = false;
    switch (state_) {
        case State::stopped:
        case State::failed:
        case State::scheduled:
            return;
        case State::backoff:
            come_to_rest(State::scheduled, "what it needs is stopped", std::nullopt);
            return;
        case State::starting:
        case State::running:
            begin_stop(StopCause::request, force, std::nullopt, !force);
            return;
        case State::stopping:
            stop_cause_ = StopCause::request;
            start_after_stop_ = false;
            if (force) kill("killed on request");
            persist();
            look_for();
            return;
    }
}

Result<void> DaemonMachine::restart(bool force) {
    switch (state_) {
        case State::stopped:
        case State::backoff:
        case State::failed:
        case State::scheduled:
            return start("restarted on request");
        case State::starting:
        case State::running:
            // One that waits for its dependencies has nothing to end and starts anyway.
            if (phase_ == Phase::waiting_for_dependencies) return {};
            begin_stop(StopCause::restart, force, std::nullopt, false);
            start_after_stop_ = true;
            asked_ = true;
            return {};
        case State::stopping:
            target_ = Target::up;
            stop_cause_ = StopCause::restart;
            start_after_stop_ = true;
            asked_ = true;
            if (force) kill("killed on request");
            persist();
            look_for();
            return {};
    }
    return {};
}

void DaemonMachine::shut_down(bool force) {
    shutting_down_ = true;
    owed_ = Owed::none;
    queued_run_ = false;
    cancel(TimerKind::schedule);
    switch (state_) {
        case State::stopped:
        case State::failed:
        case State::scheduled:
            return;
        case State::backoff:
            come_to_rest(State::stopped, "manager shuts down", std::nullopt);
            return;
        case State::starting:
        case State::running:
            begin_stop(StopCause::shutdown, force, std::nullopt, !force);
            return;
        case State::stopping:
            start_after_stop_ = false;
            if (force) kill("killed, the manager shuts down");
            look_for();
            return;
    }
}

void DaemonMachine::change_spec(SpecPtr spec) {
    const bool same_check = spec->health_check == spec_->health_check;
    const bool same_schedule = spec->schedule && spec_->schedule &&
                               spec->schedule->cron == spec_->schedule->cron &&
                               spec->schedule->timezone == spec_->schedule->timezone;
    // What it was begun with is not known to a manager that took it over, unless nothing had
    // changed.
    spec_changed_ = !run_spec_ || !model::begin_alike(*run_spec_, *spec);
    spec_ = std::move(spec);
    if (spec_->health_check && !health_) health_.emplace();
    follow_new_check(same_check);
    // Also before the manager has begun to go by what it has loaded.
    const bool was_armed = armed_at_.has_value();
    if (!spec_->schedule) {
        if (was_armed) disarm_schedule();
        if (state_ == State::scheduled) {
            target_ = Target::down;
            enter(State::stopped, "schedule removed");
        }
    } else if (!(was_armed && same_schedule) &&
               !(state_ == State::stopping && target_ == Target::down)) {
        arm_schedule(std::nullopt, std::nullopt);
    }
    persist();
    surroundings_.touched(key_);
}

}  // namespace syspulse::engine
