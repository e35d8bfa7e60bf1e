// Pausing and resuming a running daemon. While it is held still nothing is checked: a process that
// may not run cannot answer, and that says nothing about its health.
#include <algorithm>

#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::State;

Result<void> DaemonMachine::pause() {
    if (state_ != State::running) return conflict("is not running");
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
    switch (hold_) {
        case Hold::none:
            return conflict("is not paused");
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
    const Hold awaited = event.paused ? Hold::pausing : Hold::resuming;
    if (event.run != run_ || !run_live_ || hold_ != awaited) return;
    // What could not be done leaves it as it was.
    const bool paused = event.paused != event.error.has_value();
    hold_ = paused ? Hold::paused : Hold::none;
    if (!event.error) note("pause", "", paused ? "paused" : "resumed", "");
    if (paused) tell_that_nothing_is_checked();
    if (!paused && spec_->health_check) {
        const Instant now = surroundings_.now().mono;
        arm(TimerKind::check_due, std::max(health_.next_due(), now));
    }
    surroundings_.reached(key_, {Milestone::Kind::held, event.error});
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
    if (hold_ == Hold::none) return;
    if (phase_ != Phase::killing) surroundings_.emit(HoldRun{key_, run_, false});
    end_hold("was stopped by another request");
}

void DaemonMachine::end_hold(std::string_view why) {
    const bool owed = hold_ == Hold::pausing || hold_ == Hold::resuming;
    hold_ = Hold::none;
    if (!owed) return;
    surroundings_.reached(
        key_, {Milestone::Kind::held,
               Error{ErrorCode::cancelled, "\"" + spec_->name + "\" " + std::string(why)}});
}

}  // namespace syspulse::engine
