#include "engine/supervisor.hpp"

#include <utility>

#include "base/assert.hpp"

namespace syspulse::engine {

using model::State;
using Phase = DaemonMachine::Phase;

void Supervisor::handle(const Event& event, Now now, std::vector<Action>& actions) {
    now_ = now;
    actions_ = &actions;
    std::visit([this](const auto& e) { on(e); }, event);
    settle();
    answer_blocked_starts();
    finish_if_done();
    actions_ = nullptr;
}

std::optional<Instant> Supervisor::next_deadline() {
    // Entries of an older generation are dropped here, so that nobody wakes up for them.
    while (const TimerEntry* first = timers_.peek()) {
        if (is_awaited(*first)) break;
        timers_.drop_first();
    }
    return timers_.next_deadline();
}

bool Supervisor::is_awaited(const TimerEntry& timer) const {
    if (timer.kind == TimerKind::request) return waiters_.contains(RequestId{timer.owner});
    const auto* m = find(DaemonKey{static_cast<std::uint32_t>(timer.owner)});
    return m != nullptr && m->timer_is_current(timer.kind, timer.generation);
}

// Far deadlines that are always put off would otherwise stay for as long as they are far.
void Supervisor::add_timer(Instant when, TimerKind kind, std::uint64_t owner,
                           std::uint32_t generation) {
    if (timers_.is_crowded())
        timers_.keep_only([this](const TimerEntry& timer) { return is_awaited(timer); });
    timers_.add(when, kind, owner, generation);
}

const DaemonMachine* Supervisor::find(DaemonKey daemon) const {
    const auto found = machines_.find(daemon);
    return found == machines_.end() ? nullptr : &found->second;
}

DaemonMachine* Supervisor::machine(DaemonKey daemon) {
    const auto found = machines_.find(daemon);
    return found == machines_.end() ? nullptr : &found->second;
}

DaemonKey Supervisor::key_of(std::string_view name) const {
    return by_name_.find(
        name, [this](DaemonKey key) -> const std::string& { return find(key)->spec().name; });
}

void Supervisor::describe(DaemonKey daemon, Now now, model::DaemonView& view) {
    const DaemonMachine* m = find(daemon);
    if (m == nullptr) return;
    now_ = now;
    m->describe(view);
    if (m->phase() == Phase::waiting_for_dependencies) {
        for (const std::string& name : m->spec().depends_on) {
            const DaemonMachine* needed = named(name);
            if (needed != nullptr && needed->is_ready()) continue;
            view.waiting_for = name;
            break;
        }
    } else if (m->phase() == Phase::waiting_for_dependents) {
        if (const DaemonMachine* live = live_dependent(daemon))
            view.waiting_for = live->spec().name;
    }
}

const DaemonMachine* Supervisor::first_dependent(DaemonKey daemon) const {
    const DaemonMachine* m = find(daemon);
    if (m == nullptr) return nullptr;
    const auto found = dependents_.find(m->spec().name);
    if (found == dependents_.end() || found->second.empty()) return nullptr;
    return find(found->second.front());
}

void Supervisor::emit(Action action) {
    SYSPULSE_ASSERT(actions_ != nullptr, "actions arise only while an event is handled");
    actions_->push_back(std::move(action));
}

void Supervisor::arm(Instant when, TimerKind kind, DaemonKey daemon, std::uint32_t generation) {
    add_timer(when, kind, daemon.value, generation);
}

void Supervisor::reached(DaemonKey daemon, Milestone milestone) {
    milestones_.emplace_back(daemon, std::move(milestone));
}

// --- registration

void Supervisor::on(const DaemonAdded& event) {
    Surroundings& surroundings = *this;
    DaemonMachine& m =
        machines_.try_emplace(event.daemon, surroundings, event.daemon, event.spec).first->second;
    by_name_.insert(event.spec->name, event.daemon);
    link(event.daemon, *event.spec);
    if (event.stored) {
        m.load(*event.stored, event.rebooted);
    } else if (event.spec->schedule) {
        m.arm_schedule(std::nullopt, std::nullopt);
    } else {
        emit(PersistInstance{event.daemon});
    }
}

void Supervisor::on(const SpecChanged& event) {
    DaemonMachine* m = machine(event.daemon);
    if (m == nullptr) return;
    // Who waited for it to end may wait for nothing any more.
    const std::vector<DaemonKey> needed_before = held_up_by(*m);
    unlink(event.daemon);
    m->change_spec(event.spec);
    link(event.daemon, *event.spec);
    for (const DaemonKey key : needed_before) touched(key);
}

void Supervisor::link(DaemonKey daemon, const model::DaemonSpec& spec) {
    for (const std::string& name : spec.depends_on) dependents_[name].push_back(daemon);
}

void Supervisor::unlink(DaemonKey daemon) {
    for (const std::string& name : machine(daemon)->spec().depends_on) {
        auto& list = dependents_[name];
        std::erase(list, daemon);
        if (list.empty()) dependents_.erase(name);
    }
}

void Supervisor::remove(DaemonKey daemon) {
    // Who waited for it to end waits for nothing any more.
    for (const DaemonKey key : held_up_by(*machine(daemon))) touched(key);
    unlink(daemon);
    by_name_.erase(machine(daemon)->spec().name, daemon);
    live_place_.erase(daemon);
    machines_.erase(daemon);
    emit(ForgetDaemon{daemon});
}

void Supervisor::on(const ManagerStarted& event) {
    for (auto& [key, m] : machines_) m.resume(event.restore, event.continued);
}

// --- answers of the world

void Supervisor::on(const Spawned& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->spawned(event);
}
void Supervisor::on(const SpawnFailed& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->spawn_failed(event);
}
void Supervisor::on(const RecoverFailed& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->recover_failed(event);
}
void Supervisor::on(const Exited& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->exited(event);
}
void Supervisor::on(const Held& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->held(event);
}
void Supervisor::on(const SignalFailed& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->signal_failed(event);
}
void Supervisor::on(const Checked& event) {
    if (DaemonMachine* m = machine(event.daemon)) m->checked(event);
}

// What keeps a daemon from getting where somebody wants it, as far as that is known.
Error Supervisor::too_late(const Waiter& waiter) {
    const DaemonMachine* m = find(waiter.daemon);
    if (m == nullptr) return {ErrorCode::timed_out, "the daemon was removed meanwhile"};
    // Of a limit that several share, the one who asks has used a little.
    const Duration limit = waiter.timeout < std::chrono::seconds{1}
                               ? waiter.timeout
                               : std::chrono::round<std::chrono::seconds>(waiter.timeout);
    const std::string after = " after " + format_duration(limit);
    model::DaemonView view;
    describe(waiter.daemon, now_, view);
    std::string why = '"' + m->spec().name + "\" is ";
    if (waiter.what == Waiter::For::ready && m->state() == State::running) {
        why += "running, but not healthy" + after;
        if (view.last_check) return {ErrorCode::timed_out, why + ": " + view.last_check->message};
        return {ErrorCode::timed_out, why + ": no check has been answered yet"};
    }
    why += "still " + std::string(to_string(m->state())) + after;
    if (!view.waiting_for.empty()) {
        why += ", waits for \"" + view.waiting_for + '"';
        const DaemonMachine* other = named(view.waiting_for);
        if (other != nullptr && !other->stored().last_error.empty())
            why += " (" + std::string(to_string(other->state())) + ": " +
                   other->stored().last_error + ")";
    }
    if (!m->stored().last_error.empty()) why += ": " + m->stored().last_error;
    return {ErrorCode::timed_out, std::move(why)};
}

void Supervisor::on(const TimeAdvanced&) {
    while (const auto due = timers_.pop_due(now_.mono)) {
        if (due->kind == TimerKind::request) {
            const RequestId request{due->owner};
            const auto found = waiters_.find(request);
            if (found == waiters_.end()) continue;
            reply(request, too_late(found->second));
            continue;
        }
        if (DaemonMachine* m = machine(DaemonKey{static_cast<std::uint32_t>(due->owner)})) {
            m->timer(due->kind, due->generation);
        }
    }
}

void Supervisor::on(const WallClockChanged&) {
    for (auto& [key, m] : machines_) m.wall_clock_changed();
}

// --- propagation

// Lets changes reach the neighbours until nothing moves any more. Each pass either ends a wait or
// comes to the end of the list, and every wait ends once, so the number of passes is bounded.
void Supervisor::settle() {
    std::size_t passes = 0;
    const std::size_t bound = 64 + 64 * (machines_.size() + 1);
    while (!touched_.empty() || !milestones_.empty()) {
        SYSPULSE_ASSERT(++passes <= bound, "propagation must come to an end");
        const auto milestones = std::exchange(milestones_, {});
        for (const auto& [daemon, milestone] : milestones) resolve(daemon, milestone);
        const auto touched = std::exchange(touched_, {});
        for (const DaemonKey daemon : touched) {
            DaemonMachine* m = machine(daemon);
            if (m == nullptr) continue;
            consider(*m);
            const auto dependents = dependents_.find(m->spec().name);
            if (dependents != dependents_.end()) {
                for (const DaemonKey key : dependents->second) consider(*machine(key));
            }
            for (const DaemonKey key : held_up_by(*m)) consider(*machine(key));
        }
    }
}

void Supervisor::on(const ShutdownRequested& event) {
    shutting_down_ = true;
    for (const auto& [request, waiter] : std::map<RequestId, Waiter>(waiters_)) {
        if (waiter.what == Waiter::For::spawn || waiter.what == Waiter::For::ready) {
            reply(request, Error{ErrorCode::cancelled, "the manager shuts down"});
        }
    }
    if (event.keep_running) {
        for (const auto& [request, waiter] : std::map<RequestId, Waiter>(waiters_)) {
            reply(request, Error{ErrorCode::cancelled, "the manager shuts down"});
        }
        for (auto& [key, m] : machines_) emit(PersistInstance{key});
        finished_ = true;
        emit(Finish{});
        return;
    }
    for (auto& [key, m] : machines_) m.shut_down(event.force);
}

// Looks on from the daemon that was last seen active, so that a shutdown of many does not look at
// all of them for every one that ends.
void Supervisor::finish_if_done() {
    if (!shutting_down_ || finished_) return;
    auto at = machines_.lower_bound(last_active_);
    for (std::size_t looked = 0; looked < machines_.size(); ++looked, ++at) {
        if (at == machines_.end()) at = machines_.begin();
        if (!at->second.is_active() || at->second.abandoned()) continue;
        last_active_ = at->first;
        return;
    }
    finished_ = true;
    for (const auto& [request, waiter] : std::map<RequestId, Waiter>(waiters_)) {
        const DaemonMachine* m = find(waiter.daemon);
        const bool left_behind = m != nullptr && m->abandoned();
        reply(request, left_behind
                           ? Error{ErrorCode::internal, "\"" + m->spec().name +
                                                            "\" is left behind by the shutdown: " +
                                                            m->stored().last_error}
                           : Error{ErrorCode::cancelled, "the manager shuts down"});
    }
    emit(Finish{});
}

}  // namespace syspulse::engine
