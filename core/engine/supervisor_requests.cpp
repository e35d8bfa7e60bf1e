// Requests of operators, and who gets which answer when.
#include <utility>

#include "engine/supervisor.hpp"

namespace syspulse::engine {

using model::State;

bool Supervisor::refuse_when_shutting_down(RequestId request) {
    if (!shutting_down_) return false;
    reply(request, Error{ErrorCode::unavailable, "the manager shuts down"});
    return true;
}

DaemonMachine* Supervisor::machine_of(DaemonKey daemon, RequestId request) {
    DaemonMachine* m = machine(daemon);
    if (m == nullptr) reply(request, Error{ErrorCode::not_found, "no such daemon"});
    return m;
}

void Supervisor::on(const StartRequested& event) {
    if (refuse_when_shutting_down(event.request)) return;
    DaemonMachine* m = machine_of(event.daemon, event.request);
    if (m == nullptr) return;
    const auto done = m->start("started on request");
    // Who only wants to see it ready joins a start that is under way.
    const bool joins = event.wait && m->state() == State::starting;
    if (!done && !joins) {
        reply(event.request, done.error());
        return;
    }
    start_failed_dependencies(*m);
    wait(event.request, event.daemon, event.wait ? Waiter::For::ready : Waiter::For::spawn,
         event.timeout);
}

void Supervisor::on(const StopRequested& event) {
    DaemonMachine* m = machine_of(event.daemon, event.request);
    if (m == nullptr) return;
    // Also out of a back-off: a dependent that waits would start it again.
    if (m->is_active()) stop_dependents(event.daemon, event.force);
    if (const auto done = m->stop(event.force, event.timeout); !done) {
        reply(event.request, done.error());
        return;
    }
    // A stop takes precedence over whoever waits for a start.
    for (const RequestId request : waiters_of(event.daemon)) {
        const Waiter::For what = waiters_.at(request).what;
        if (what != Waiter::For::spawn && what != Waiter::For::ready) continue;
        reply(request, Error{ErrorCode::cancelled,
                             "\"" + m->spec().name + "\" was stopped by another request"});
    }
    if (m->is_active()) {
        wait(event.request, event.daemon, Waiter::For::rest, std::nullopt);
    } else {
        reply(event.request, std::nullopt);
    }
}

void Supervisor::on(const RestartRequested& event) {
    if (refuse_when_shutting_down(event.request)) return;
    DaemonMachine* m = machine_of(event.daemon, event.request);
    if (m == nullptr) return;
    const std::string& name = m->spec().name;
    const std::vector<RequestId> waiting = waiters_of(event.daemon);
    for (const RequestId request : waiting) {
        if (waiters_.at(request).what != Waiter::For::removal) continue;
        reply(event.request, Error{ErrorCode::invalid_state, "\"" + name + "\" is being removed"});
        return;
    }
    if (const auto done = m->restart(event.force); !done) {
        reply(event.request, done.error());
        return;
    }
    // Who waited for the end of a stop will not see one.
    for (const RequestId request : waiting) {
        if (waiters_.at(request).what != Waiter::For::rest) continue;
        reply(request,
              Error{ErrorCode::cancelled, "\"" + name + "\" was restarted by another request"});
    }
    start_failed_dependencies(*m);
    wait(event.request, event.daemon, event.wait ? Waiter::For::ready : Waiter::For::spawn,
         event.timeout);
}

void Supervisor::on(const PauseRequested& event) {
    if (refuse_when_shutting_down(event.request)) return;
    DaemonMachine* m = machine_of(event.daemon, event.request);
    if (m == nullptr) return;
    if (const auto done = m->pause(); !done) return reply(event.request, done.error());
    wait(event.request, event.daemon, Waiter::For::hold, std::nullopt);
}

void Supervisor::on(const ResumeRequested& event) {
    DaemonMachine* m = machine_of(event.daemon, event.request);
    if (m == nullptr) return;
    if (const auto done = m->unpause(); !done) return reply(event.request, done.error());
    wait(event.request, event.daemon, Waiter::For::hold, std::nullopt);
}

void Supervisor::on(const RemoveRequested& event) {
    if (refuse_when_shutting_down(event.request)) return;
    DaemonMachine* m = machine_of(event.daemon, event.request);
    if (m == nullptr) return;
    const std::string& name = m->spec().name;
    if (const DaemonMachine* dependent = first_dependent(event.daemon)) {
        reply(event.request,
              Error{ErrorCode::invalid_state, "cannot remove \"" + name + "\": \"" +
                                                  dependent->spec().name + "\" depends on it"});
        return;
    }
    if (!m->is_active()) {
        drop_waiters(event.daemon, Error{ErrorCode::cancelled, "\"" + name + "\" was removed"});
        remove(event.daemon);
        reply(event.request, std::nullopt);
        return;
    }
    if (!event.force) {
        reply(event.request,
              Error{ErrorCode::invalid_state, "cannot remove \"" + name + "\": it is " +
                                                  std::string(to_string(m->state())) +
                                                  "; stop it first, or use --force"});
        return;
    }
    wait(event.request, event.daemon, Waiter::For::removal, std::nullopt);
    if (const auto done = m->stop(false, std::nullopt); !done) reply(event.request, done.error());
}

void Supervisor::wait(RequestId request, DaemonKey daemon, Waiter::For what,
                      std::optional<Duration> timeout) {
    if (!request) return;
    waiters_.emplace(request, Waiter{daemon, what, timeout.value_or(Duration{0})});
    waiters_of_.emplace(daemon, request);
    if (timeout) add_timer(now_.mono + *timeout, TimerKind::request, request.value, 0);
}

void Supervisor::reply(RequestId request, std::optional<Error> error) {
    if (!request) return;
    const auto found = waiters_.find(request);
    if (found != waiters_.end()) {
        const auto [from, to] = waiters_of_.equal_range(found->second.daemon);
        for (auto it = from; it != to; ++it) {
            if (it->second != request) continue;
            waiters_of_.erase(it);
            break;
        }
        waiters_.erase(found);
    }
    emit(Reply{request, std::move(error)});
}

std::vector<RequestId> Supervisor::waiters_of(DaemonKey daemon) const {
    std::vector<RequestId> requests;
    const auto [from, to] = waiters_of_.equal_range(daemon);
    for (auto it = from; it != to; ++it) requests.push_back(it->second);
    return requests;
}

// Without --wait nobody waits for dependencies: the start is accepted, and `status` says what it
// waits for.
void Supervisor::answer_blocked_starts() {
    for (const DaemonKey daemon : std::exchange(blocked_, {})) {
        const DaemonMachine* m = find(daemon);
        if (m == nullptr || m->phase() != DaemonMachine::Phase::waiting_for_dependencies) continue;
        for (const RequestId request : waiters_of(daemon)) {
            if (waiters_.at(request).what == Waiter::For::spawn) reply(request, std::nullopt);
        }
    }
}

void Supervisor::drop_waiters(DaemonKey daemon, const Error& error) {
    for (const RequestId request : waiters_of(daemon)) reply(request, error);
}

// Which milestone answers which wait.
bool Supervisor::answers(Milestone::Kind kind, Waiter::For what) {
    using Kind = Milestone::Kind;
    using For = Waiter::For;
    switch (kind) {
        case Kind::spawned:
            return what == For::spawn;
        case Kind::ready:
        case Kind::retrying:
            return what == For::spawn || what == For::ready;
        case Kind::unhealthy:
            return what == For::ready;
        case Kind::rested:
            return what != For::hold;
        case Kind::held:
            return what == For::hold;
        case Kind::undying:
            return what != For::hold;
    }
    return false;
}

// What a wait that the milestone answers is told.
std::optional<Error> Supervisor::outcome(const DaemonMachine& machine, const Milestone& milestone,
                                         Waiter::For what) {
    using Kind = Milestone::Kind;
    const bool over = milestone.kind == Kind::rested || milestone.kind == Kind::retrying;
    if (what == Waiter::For::rest && milestone.kind == Kind::rested) return std::nullopt;
    if (!over || milestone.error) return milestone.error;
    const std::string why = machine.stored().last_error;
    return Error{ErrorCode::internal, "\"" + machine.spec().name + "\" ended before it was ready" +
                                          (why.empty() ? "" : ": " + why)};
}

void Supervisor::resolve(DaemonKey daemon, const Milestone& milestone) {
    const DaemonMachine* m = find(daemon);
    if (m == nullptr) return;
    if (milestone.kind == Milestone::Kind::undying) tell_dependencies(*m, milestone);
    bool removal = false;
    for (const RequestId request : waiters_of(daemon)) {
        const Waiter::For what = waiters_.at(request).what;
        if (!answers(milestone.kind, what)) continue;
        if (what == Waiter::For::removal && milestone.kind == Milestone::Kind::rested) {
            removal = true;
        } else {
            reply(request, outcome(*m, milestone, what));
        }
    }
    if (removal) complete_removal(daemon);
}

// What `machine` needs and what waits for its end will not end soon either.
void Supervisor::tell_dependencies(const DaemonMachine& machine, const Milestone& undying) {
    for (const DaemonKey key : held_up_by(machine)) {
        const DaemonMachine& needed = *find(key);
        if (needed.phase() != DaemonMachine::Phase::waiting_for_dependents) continue;
        reached(key, {Milestone::Kind::undying,
                      Error{ErrorCode::timed_out,
                            '"' + needed.spec().name + "\" waits for \"" + machine.spec().name +
                                "\" to end first: " + undying.error->message}});
    }
}

void Supervisor::complete_removal(DaemonKey daemon) {
    const std::string name = find(daemon)->spec().name;
    const std::vector<RequestId> requests = waiters_of(daemon);
    const bool gone = first_dependent(daemon) == nullptr;
    if (gone) remove(daemon);
    for (const RequestId request : requests) {
        if (gone) {
            reply(request, std::nullopt);
        } else {
            reply(request, Error{ErrorCode::invalid_state,
                                 "cannot remove \"" + name + "\": another daemon depends on it"});
        }
    }
}

}  // namespace syspulse::engine
