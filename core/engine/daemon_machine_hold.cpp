// Pausing and resuming a running daemon. While it is held still nothing is checked: a process that
// may not run cannot answer, and that says nothing about its health.
#include <algorithm>

#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::State;

Result<void> DaemonMachine::pause() {
    if (state_ != State::running) return conflict("is not running");
    if (freeing_) return conflict("is being resumed");
    switch (hold_) {
        case Hold::none:
            break;
        case Hold::pausing:
            return conflict("is being paused already");
        case Hold::paused:
            return conflict("is paused already");
        case Hold::resuming:
            return conflict("is being resumed");
    }
    hold_ = Hold::pausing;
    end_checks();
    surroundings_.emit(HoldRun{key_, run_, true});
    return {};
}

Result<void> DaemonMachine::unpause() {
    if (freeing_) return conflict("is being resumed already");
    switch (hold_) {
        case Hold::none:
            // It may be held, or a part of it, by somebody else or by a manager that was lost in
            // the middle of a pause. Its driver lets go whatever is.
            if (state_ != State::running) return conflict("is not paused");
            freeing_ = true;
            surroundings_.emit(HoldRun{key_, run_, false});
            return {};
        case Hold::pausing:
            return conflict("is being paused");
        case Hold::paused:
            break;
        case Hold::resuming:
            return conflict("is being resumed already");
    }
    hold_ = Hold::resuming;
    surroundings_.emit(HoldRun{key_, run_, false});
    return {};
}

void DaemonMachine::held(const Held& event) {
    if (event.run != run_ || !run_live_) return;
    if (freeing_ && !event.paused) return freed(event.error);
    const Hold awaited = event.paused ? Hold::pausing : Hold::resuming;
    if (hold_ != awaited) return;
    // What could not be done leaves it as it was.
    const bool paused = event.paused != event.error.has_value();
    hold_ = paused ? Hold::paused : Hold::none;
    if (!event.error) note("pause", "", paused ? "paused" : "resumed", "");
    if (paused) tell_that_nothing_is_checked();
    if (!paused && spec_->health_check) {
        const Instant now = surroundings_.now().mono;
        arm(TimerKind::check_due, std::max(health_->next_due(), now));
    }
    surroundings_.reached(key_, {Milestone::Kind::held, event.error});
}

// Checks went on meanwhile, as it counts as running. What its driver cannot hold nobody has paused.
void DaemonMachine::freed(std::optional<Error> error) {
    freeing_ = false;
    if (error && error->code == ErrorCode::unsupported) error = conflict("is not paused");
    surroundings_.reached(key_, {Milestone::Kind::held, std::move(error)});
}

// Who waits for its health would wait until somebody resumes it.
void DaemonMachine::tell_that_nothing_is_checked() {
    if (!spec_->health_check) return;
    surroundings_.reached(
        key_, {Milestone::Kind::unhealthy,
               Error{ErrorCode::cancelled,
                     "\"" + spec_->name + "\" is paused, so that its health is not checked"}});
}

// A stop lets it go on: it could not heed the signal otherwise.
void DaemonMachine::let_go() {
    if (hold_ == Hold::none && !freeing_) return;
    if (hold_ != Hold::none && phase_ != Phase::killing)
        surroundings_.emit(HoldRun{key_, run_, false});
    end_hold("was stopped by another request");
}

void DaemonMachine::end_hold(std::string_view why) {
    const bool owed = hold_ == Hold::pausing || hold_ == Hold::resuming || freeing_;
    hold_ = Hold::none;
    freeing_ = false;
    if (!owed) return;
    surroundings_.reached(
        key_, {Milestone::Kind::held,
               Error{ErrorCode::cancelled, "\"" + spec_->name + "\" " + std::string(why)}});
}

}  // namespace syspulse::engine
