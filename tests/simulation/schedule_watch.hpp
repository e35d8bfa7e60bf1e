// The invariant of schedules: each of their times fires once, whatever is done to the clock. Only
// while no manager runs, or while the schedule is not armed, may a time pass by; and a time that
// comes again because the clock was set back far counts as another time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/daemon_machine.hpp"

namespace syspulse::simulation {

// Schedules of the simulation fire every so often: "@every 20s", or by the calendar.
constexpr std::chrono::seconds schedule_period{20};

class ScheduleWatch {
  public:
    using Report = std::function<void(const std::string& what)>;

    // `late`: how much later than planned a timer may come up.
    void look(const std::string& name, const engine::DaemonMachine& machine, Now now, Duration late,
              const Report& violated);
    void clock_was_set(WallTime now);
    // Schedules may have been armed anew.
    void forget() { seen_.clear(); }
    // No manager was there: what fell due meanwhile may be gone, but nothing fires twice.
    void manager_was_gone();

  private:
    struct Seen {
        std::optional<WallTime> armed_at;
        std::optional<WallTime> fired_at;
        std::optional<WallTime> next;
        bool fired_may_recur = false;
    };
    std::map<std::string, Seen> seen_;
};

}  // namespace syspulse::simulation
