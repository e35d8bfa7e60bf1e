// Who waits for whom, and who is started or stopped along with whom.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/supervisor.hpp"

namespace syspulse::engine {

using model::State;
using Phase = DaemonMachine::Phase;

void Supervisor::consider(DaemonMachine& m) {
    if (m.phase() == Phase::waiting_for_dependencies) consider_dependencies(m);
    if (m.phase() == Phase::waiting_for_dependents && live_dependent(m.key()) == nullptr)
        m.dependents_ended();
}

void Supervisor::consider_dependencies(DaemonMachine& m) {
    bool all_ready = true;
    for (const std::string& name : m.spec().depends_on) {
        DaemonMachine* const needed = named(name);
        if (needed == nullptr) {
            m.dependency_failed(name);
            return;
        }
        switch (needed->state()) {
            case State::running:
                all_ready = all_ready && needed->is_ready();
                break;
            case State::scheduled:
                break;  // It runs when its time comes; nobody can wait for that.
            case State::failed:
                m.dependency_failed(name);
                return;
            case State::stopped:
                // A dependency that did its work and ended well is as good as running.
                if (needed->completed()) break;
                all_ready = false;
                if (!shutting_down_ &&
                    !needed->start("needed by " + m.spec().name, m.is_asked_for())) {
                    m.dependency_failed(name);
                    return;
                }
                break;
            case State::starting:
            case State::stopping:
            case State::backoff:
                all_ready = false;
                break;
        }
    }
    if (all_ready) return m.dependencies_ready();
    if (waiters_of_.contains(m.key())) blocked_.push_back(m.key());
}

// Who keeps `daemon` from ending before it: the first dependent whose process is about to end,
// direct or through others that have none. Nothing else is waited for: a dependent that waits for
// this very daemon to come back, or began meanwhile, would hold it up for ever.
const DaemonMachine* Supervisor::live_dependent(DaemonKey daemon) {
    std::vector<DaemonKey> pending{daemon};
    std::set<DaemonKey> seen;
    while (!pending.empty()) {
        const DaemonKey needed = pending.back();
        const auto found = dependents_.find(find(needed)->spec().name);
        pending.pop_back();
        if (found == dependents_.end()) continue;
        // Of many that stand on one, most are asked about often; so those are not remembered first,
        // and the look goes on where the last one ended: with the end of each of them all again
        // would be looked at.
        std::size_t& place = live_place_[needed];
        for (std::size_t i = 0; i < found->second.size(); ++i) {
            const std::size_t at = (place + i) % found->second.size();
            const DaemonMachine* m = find(found->second[at]);
            if (!m->run_live() || m->state() != State::stopping || m->abandoned()) continue;
            place = at;
            return m;
        }
        for (const DaemonKey key : found->second) {
            if (seen.insert(key).second) pending.push_back(key);
        }
    }
    return nullptr;
}

// The reverse: what may wait for `m` to end, directly or through others that have no live run.
std::vector<DaemonKey> Supervisor::held_up_by(const DaemonMachine& m) const {
    std::vector<DaemonKey> found;
    if (m.spec().depends_on.empty()) return found;
    std::vector<const DaemonMachine*> pending{&m};
    while (!pending.empty()) {
        const DaemonMachine* dependent = pending.back();
        pending.pop_back();
        for (const std::string& name : dependent->spec().depends_on) {
            const DaemonMachine* needed = named(name);
            if (needed == nullptr || std::ranges::find(found, needed->key()) != found.end())
                continue;
            found.push_back(needed->key());
            if (!needed->run_live()) pending.push_back(needed);
        }
    }
    return found;
}

// Everything that stands on `daemon`, directly or through others.
std::vector<DaemonKey> Supervisor::all_dependents(DaemonKey daemon) const {
    std::vector<DaemonKey> all;
    std::vector<DaemonKey> pending{daemon};
    std::set<DaemonKey> seen;
    while (!pending.empty()) {
        const auto found = dependents_.find(find(pending.back())->spec().name);
        pending.pop_back();
        if (found == dependents_.end()) continue;
        for (const DaemonKey dependent : found->second) {
            if (!seen.insert(dependent).second) continue;
            all.push_back(dependent);
            pending.push_back(dependent);
        }
    }
    return all;
}

// They are asked to end, and so is what would come back by itself: it would start `daemon` again.
void Supervisor::stop_dependents(DaemonKey daemon, bool force) {
    for (const DaemonKey dependent : all_dependents(daemon))
        machine(dependent)->stop_with_dependency(force);
}

std::vector<std::string> Supervisor::taken_along_by_stop_of(DaemonKey daemon) const {
    std::vector<std::string> names;
    if (find(daemon) == nullptr || !find(daemon)->is_active()) return names;
    for (const DaemonKey dependent : all_dependents(daemon)) {
        const DaemonMachine& m = *find(dependent);
        if (m.is_active() && m.state() != State::stopping) names.push_back(m.spec().name);
    }
    std::ranges::sort(names);
    return names;
}

// A start by hand gives a failed dependency another try instead of failing with it.
void Supervisor::start_failed_dependencies(const DaemonMachine& machine_needing) {
    std::vector<const DaemonMachine*> pending{&machine_needing};
    while (!pending.empty()) {
        const DaemonMachine* m = pending.back();
        pending.pop_back();
        for (const std::string& name : m->spec().depends_on) {
            DaemonMachine* needed = named(name);
            if (needed == nullptr || needed->state() != State::failed) continue;
            if (needed->start("needed by " + m->spec().name)) pending.push_back(needed);
        }
    }
}

}  // namespace syspulse::engine
