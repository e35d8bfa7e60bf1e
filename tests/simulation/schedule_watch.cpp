#include "schedule_watch.hpp"

namespace syspulse::simulation {
namespace {

// A clock that is set back by more than this comes to times that are other times.
constexpr std::chrono::minutes small_step{1};

// Which of the schedule's times `at` belongs to.
std::int64_t slot(const engine::DaemonMachine& machine, WallTime armed_at, WallTime at) {
    const bool by_calendar = machine.spec().schedule->cron.front() != '@';
    const auto since = at - (by_calendar ? WallTime{} : armed_at);
    return std::chrono::floor<std::chrono::seconds>(since) / schedule_period;
}

}  // namespace

void ScheduleWatch::look(const std::string& name, const engine::DaemonMachine& machine, Now now,
                         Duration late, const Report& violated) {
    const model::StoredInstance stored = machine.stored();
    model::DaemonView view;
    machine.describe(view);
    if (!machine.spec().schedule || !stored.armed_at || !view.next_run_at) {
        seen_.erase(name);
        return;
    }
    if (*view.next_run_at + late < now.wall) violated(name + " is behind its schedule");
    Seen& seen = seen_[name];
    const bool same = seen.armed_at == stored.armed_at;
    const bool fired = seen.fired_at != stored.last_fired_at;
    if (same && !fired && seen.next && *seen.next + late < now.wall)
        violated(name + " missed a time of its schedule");
    if (same && fired && seen.fired_at && stored.last_fired_at && !seen.fired_may_recur &&
        slot(machine, *seen.armed_at, *stored.last_fired_at) <=
            slot(machine, *seen.armed_at, *seen.fired_at))
        violated(name + " fired twice for one time of its schedule");
    seen = {stored.armed_at, stored.last_fired_at, view.next_run_at,
            same && !fired && seen.fired_may_recur};
}

void ScheduleWatch::clock_was_set(WallTime now) {
    for (auto& [name, seen] : seen_) {
        if (seen.fired_at && *seen.fired_at - now > small_step) seen.fired_may_recur = true;
    }
}

void ScheduleWatch::manager_was_gone() {
    for (auto& [name, seen] : seen_) seen.next.reset();
}

}  // namespace syspulse::simulation
