// How a run is ended: asked, waited for, killed, and what follows.
#include <algorithm>
#include <array>
#include <utility>

#include "base/signals.hpp"
#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::State;

namespace {

// How long after a SIGKILL the machine looks again; a process in an uninterruptible sleep may need
// it.
constexpr Duration kill_patience = std::chrono::seconds{10};
// The least time between two signals to end, whatever a driver says.
constexpr Duration repetition = std::chrono::seconds{1};

}  // namespace

void DaemonMachine::begin_stop(StopCause cause, bool force, std::optional<Duration> timeout,
                               bool wait_for_dependents) {
    stop_cause_ = cause;
    start_after_stop_ = false;
    stop_timeout_ = timeout.value_or(spec_->stop_timeout);
    end_checks();
    if (phase_ == Phase::waiting_for_dependencies) {
        // Nothing was spawned yet.
        phase_ = Phase::none;
        after_stop();
        return;
    }
    phase_ = wait_for_dependents ? Phase::waiting_for_dependents : Phase::terminating;
    if (force) phase_ = Phase::killing;
    static constexpr std::array<std::string_view, 5> reasons{
        "stopped on request", "manager shuts down", "unhealthy", "restarted on request",
        "replaced by the next scheduled run"};
    enter(State::stopping, reasons[static_cast<std::size_t>(cause)]);
    if (phase_ == Phase::killing) kill("killed on request");
    if (phase_ == Phase::terminating) terminate();
    // It could neither heed the signal nor serve its dependents until they have ended.
    let_go();
    look_for();
}

void DaemonMachine::terminate() {
    phase_ = Phase::terminating;
    if (!reachable()) return;
    note("signal", "", signal_name(spec_->stop_signal), "asked to end");
    ask_to_end(spec_->stop_signal);
    kill_due_ = surroundings_.now().mono + stop_timeout_;
    arm(TimerKind::kill, kill_due_);
    note_kill_time();
}

void DaemonMachine::ask_to_end(std::int32_t signal) {
    asked_to_end_ = surroundings_.now().mono;
    surroundings_.emit(SignalRun{run_, signal, true});
}

// That it was asked to end was no more than a wish. Where nobody knows what became of the signal it
// is sent again, as twice does less harm than not at all; the time of the kill stays as it is.
void DaemonMachine::signal_failed(const SignalFailed& event) {
    if (event.run != run_ || !run_live_ || state_ != State::stopping) return;
    if (event.error.code == ErrorCode::not_found) return;  // Its end tells more.
    const bool waited = surroundings_.now().mono - asked_to_end_ >= repetition;
    const bool again = event.error.code == ErrorCode::timed_out && waited &&
                       phase_ == Phase::terminating && reachable();
    const std::string_view what = may_have_arrived(event.error.code)
                                      ? "nobody knows whether it arrived: "
                                      : "could not be sent: ";
    note("signal", "", signal_name(event.signal),
         std::string(what) + event.error.message + (again ? "; sent again" : ""));
    if (again) ask_to_end(event.signal);
}

// For a manager that has to go on with this stop.
void DaemonMachine::note_kill_time() {
    const Now now = surroundings_.now();
    kill_at_ =
        now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(kill_due_ - now.mono);
    persist();
}

// A later stop may shorten the patience of an earlier one, never lengthen it.
void DaemonMachine::hasten_stop(Duration timeout) {
    stop_timeout_ = std::min(stop_timeout_, timeout);
    if (phase_ != Phase::terminating || !reachable()) return;
    const Instant due = surroundings_.now().mono + timeout;
    if (due >= kill_due_) return;
    kill_due_ = due;
    arm(TimerKind::kill, kill_due_);
    note_kill_time();
}

// The shutdown does not wait for what cannot be killed. The run stays recorded as live, so that the
// next manager looks for it and never starts a second copy beside it.
void DaemonMachine::abandon() {
    abandoned_ = true;
    note("transition", std::string(to_string(state_)), std::string(to_string(state_)),
         "left behind by the shutdown: " + last_error_);
    persist();
    surroundings_.touched(key_);
}

// Until a spawn or a recovery is answered there is nothing to signal: the phase tells
// spawned() what to do. An empty `why` is a repetition that history need not hear of.
void DaemonMachine::kill(std::string_view why) {
    phase_ = Phase::killing;
    kill_due_ = surroundings_.now().mono;
    note_kill_time();
    if (!reachable()) return;
    if (!why.empty()) note("signal", "", "SIGKILL", std::string(why));
    surroundings_.emit(KillRun{run_});
    arm(TimerKind::kill, surroundings_.now().mono + kill_patience);
}

void DaemonMachine::stop_took_too_long() {
    if (state_ != State::stopping) return;
    if (phase_ != Phase::killing) {
        killed_after_ = stop_timeout_;
        return kill("stop_timeout passed");
    }
    last_error_ = "does not end, although it was killed";
    surroundings_.emit(InspectRun{run_});
    surroundings_.reached(
        key_,
        {Milestone::Kind::undying,
         Error{ErrorCode::timed_out,
               '"' + spec_->name + "\" was killed but does not end; it may hang in the kernel"}});
    if (shutting_down_) return abandon();
    kill("");
}

void DaemonMachine::after_stop() {
    phase_ = Phase::none;
    const bool again = std::exchange(start_after_stop_, false) && !shutting_down_;
    if (again) {
        if (stop_cause_ == StopCause::restart) {
            restart_count_ = 0;
            attempt_ = 0;
        }
        stop_cause_ = StopCause::request;
        begin_start("started again");
        return;
    }
    if (stop_cause_ == StopCause::unhealthy && !shutting_down_) {
        last_error_ = "became unhealthy: " + (last_check_ ? last_check_->message : "");
        after_failed_or_ended(true, "unhealthy", std::nullopt);
        stop_cause_ = StopCause::request;
        return;
    }
    last_error_.clear();
    if (armed_) return rest_until_scheduled("ended", std::nullopt);
    come_to_rest(State::stopped, "ended", std::nullopt);
}

}  // namespace syspulse::engine
