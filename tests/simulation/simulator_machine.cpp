// What a simulated life has besides managers: a machine that goes down, and daemons that stand on
// each other.
#include <algorithm>

#include "simulator.hpp"

namespace syspulse::simulation {

using model::State;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The last runs of those that run again by decision 4: what was at work, whatever its policy, and
// what runs with each start of the system. Those that wait for others are left out.
std::map<std::string, RunId> Simulator::what_the_next_start_brings() const {
    std::map<std::string, RunId> wanted;
    for (const std::string& name : names_) {
        const auto* machine = machine_of(name);
        if (machine == nullptr || !machine->spec().depends_on.empty()) continue;
        const model::StoredInstance stored = machine->stored();
        const auto& schedule = machine->spec().schedule;
        const bool with_the_system = schedule && schedule->cron == "@reboot" && stored.armed_at;
        const bool at_work =
            !schedule && !stored.armed_at && stored.run_live && stored.target == model::Target::up;
        if (with_the_system || at_work) wanted[name] = stored.run;
    }
    return wanted;
}

// The machine goes down with all that runs, and comes up again. As with a crash of the manager,
// what the journal could not take is left out.
void Simulator::go_down() {
    if (!conductor_->journal_error().empty()) return;
    const auto wanted = what_the_next_start_brings();
    conductor_.reset();
    world_.detach();
    for (const auto& [run, process] : std::map(world_.processes())) {
        if (process.alive) world_.exit_now(run, ExitStatus::signalled(9));
        last_run_before_boot_ = std::max(last_run_before_boot_, run);
    }
    ++boots_;
    schedules_.forget();
    unanswered_.clear();
    outcome_.steps += loop_.run_until(clock_.now().mono + milliseconds{random_.below(3000)});
    boot(false);
    outcome_.steps += loop_.run_until(clock_.now().mono + seconds{30});
    for (const auto& [name, run] : wanted) {
        const auto* machine = machine_of(name);
        expect(machine != nullptr && machine->run() > run,
               name + " does not run again after the machine went down");
    }
}

bool Simulator::stands_on(const std::string& dependent, const std::string& name) const {
    const auto* machine = machine_of(dependent);
    if (machine == nullptr) return false;
    return std::ranges::any_of(machine->spec().depends_on, [&](const std::string& needed) {
        return needed == name || stands_on(needed, name);
    });
}

bool Simulator::anything_is_scheduled() const {
    return std::ranges::any_of(names_, [this](const std::string& name) {
        const auto* machine = machine_of(name);
        return machine != nullptr && machine->spec().schedule.has_value();
    });
}

// While some are restarting. What was stopped stays so, with all that stands on it.
void Simulator::stop_what_others_need() {
    if (names_.empty() || anything_is_scheduled()) return;
    for (const std::string& name : names_)
        conductor_->start(name, false, std::nullopt, "", answer("start " + name));
    outcome_.steps += loop_.run_until(clock_.now().mono + minutes{1});
    const bool restarting = random_.chance(0.5);  // That waits for nobody.
    for (const std::string& name : names_) {
        if (restarting && random_.chance(0.3))
            conductor_->restart(name, false, false, std::nullopt, "", answer("restart " + name));
    }
    outcome_.steps += loop_.run_until(clock_.now().mono + milliseconds{random_.below(500)});
    const std::string stopped = names_[random_.below(static_cast<std::uint32_t>(names_.size()))];
    in_order_ = !restarting;
    conductor_->stop(stopped, false, std::nullopt, "", answer("stop " + stopped));
    outcome_.steps += loop_.run_until(clock_.now().mono + minutes{30});
    in_order_ = false;
    expect_all_answered("stop of one");
    for (const std::string& name : names_) {
        if (name != stopped && !stands_on(name, stopped)) continue;
        expect(world_.live_count(name) == 0,
               name + " runs although " + stopped + ", which it is or needs, was stopped");
    }
}

}  // namespace syspulse::simulation
