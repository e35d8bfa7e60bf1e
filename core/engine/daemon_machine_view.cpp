// What a daemon's machine shows to users and keeps for the next manager.
#include <utility>

#include "engine/daemon_machine.hpp"

namespace syspulse::engine {

using model::State;

model::StoredInstance DaemonMachine::stored() const {
    model::StoredInstance s;
    s.target = target_;
    // A manager that ends before it has found the run leaves to the next one what it was told
    // itself.
    s.state = phase_ == Phase::recovering ? before_ : state_;
    s.health = health();
    s.run = run_;
    s.run_live = run_live_;
    s.pid = pid_;
    s.token = token_;
    if (driver_) {
        s.driver = driver_->type;
        s.driver_options = driver_->options_json;
    }
    s.spec_changed = spec_changed_;
    s.started_at = started_at_;
    s.stopped_at = stopped_at_;
    s.last_exit = last_exit_;
    s.restart_count = restart_count_;
    s.attempt = attempt_;
    s.armed_at = armed_at_;
    s.last_fired_at = last_fired_at_;
    // To a scheduled daemon's next manager, a run that follows a stop is one that is queued.
    s.queued_run = queued_run_ || (armed_ && start_after_stop_);
    s.next_restart_at = next_restart_at_;
    s.kill_at = kill_at_;
    s.last_error = last_error_;
    s.completed = completed_;
    return s;
}

model::StoredRun DaemonMachine::stored_run() const {
    model::StoredRun r;
    r.run = run_;
    r.began_at = began_at_;
    r.pid = pid_;
    if (!run_live_) {
        r.ended_at = stopped_at_;
        r.exit = last_exit_;
    }
    return r;
}

void DaemonMachine::describe(model::DaemonView& view) const {
    // What the last manager knew of it, such as that it was paused, is not known here yet.
    view.state = left_over_ ? State::starting : state_;
    view.health_status = health();
    if (run_live_) view.driver = driver_->type;
    if (run_live_ && pid_ > 0) view.pid = pid_;
    view.paused = hold_ == Hold::paused || hold_ == Hold::resuming;
    view.run = run_;
    view.started_at = started_at_;
    if (!run_live_) view.stopped_at = stopped_at_;
    if (!run_live_) view.last_exit = last_exit_;
    view.spec_changed = run_live_ && spec_changed_;
    if (!run_live_) view.killed_after = killed_after_;
    view.restart_count = restart_count_;
    if (state_ == State::running || state_ == State::stopping) {
        const Duration up = surroundings_.now().mono - started_mono_;
        if (run_live_ && !unfound_) view.uptime_secs = std::chrono::duration<double>(up).count();
    }
    if (armed_) view.next_run_at = next_fire_;
    view.next_restart_at = next_restart_at_;
    view.last_error = last_error_;
    if (last_check_) view.last_check = *last_check_;
}

bool DaemonMachine::is_active() const {
    switch (state_) {
        case State::starting:
        case State::running:
        case State::stopping:
        case State::backoff:
            return true;
        case State::stopped:
        case State::failed:
        case State::scheduled:
            return false;
    }
    return false;
}

bool DaemonMachine::is_ready() const {
    return state_ == State::running &&
           (!spec_->health_check || health_->health() == model::Health::healthy);
}

bool DaemonMachine::ended_well() const {
    if (!last_exit_ || last_exit_->kind != ExitStatus::Kind::code || last_exit_->oom_killed)
        return false;
    for (const std::uint32_t code : spec_->success_exit_codes.codes()) {
        if (code == exit_code(*last_exit_)) return true;
    }
    return false;
}

void DaemonMachine::note(std::string_view kind, std::string from, std::string to,
                         std::string reason) {
    surroundings_.emit(AddHistory{key_, kind, std::move(from), std::move(to), std::move(reason),
                                  run_, pid_, kind == "exit" ? last_exit_ : std::nullopt});
}

Error DaemonMachine::conflict(std::string_view what) const {
    return {ErrorCode::invalid_state, "\"" + spec_->name + "\" " + std::string(what)};
}

std::string_view to_string(DaemonMachine::Phase phase) noexcept {
    switch (phase) {
        case DaemonMachine::Phase::none:
            return "none";
        case DaemonMachine::Phase::waiting_for_dependencies:
            return "waiting_for_dependencies";
        case DaemonMachine::Phase::spawning:
            return "spawning";
        case DaemonMachine::Phase::recovering:
            return "recovering";
        case DaemonMachine::Phase::waiting_for_dependents:
            return "waiting_for_dependents";
        case DaemonMachine::Phase::terminating:
            return "terminating";
        case DaemonMachine::Phase::killing:
            return "killing";
    }
    return "none";
}

}  // namespace syspulse::engine
