// One simulated life of managers that take turns: random daemons and declarations, random requests,
// random faults, crashes and ends of the manager; then the faults stop and everything must come to
// what was asked. One seed decides it all.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "manager/conductor.hpp"
#include "memory_journal.hpp"
#include "platform/sim/sim_world.hpp"
#include "schedule_watch.hpp"

namespace syspulse::simulation {

struct Outcome {
    std::vector<std::string> violations;  // Empty when every invariant held.
    std::size_t steps = 0;                // Tasks and timers that ran.
    std::uint64_t digest = 0;             // Of every record, spawn and answer.
};

// With `machine` the machine goes down now and then, some daemons run with its start, and what
// others need is stopped.
enum class Life { manager, machine };

class Simulator {
  public:
    // `trace`, if any, gets the history of the life.
    explicit Simulator(std::uint64_t seed, std::ostream* trace = nullptr,
                       Life life = Life::manager);
    Outcome run();

  private:
    void boot(bool continued);
    void replace_manager();
    void crash();
    bool would_be_forgotten() const;
    void hand_over(bool keep_running, bool force);
    void go_down();
    std::map<std::string, RunId> what_the_next_start_brings() const;
    void stop_what_others_need();
    bool stands_on(const std::string& dependent, const std::string& name) const;
    bool anything_is_scheduled() const;
    void add_daemons();
    void replace(const std::string& name);
    void add_again();
    void remove(const std::string& name);
    void set_clock();
    void kill_somebody();
    void random_request();
    void check_invariants(const std::string& when);
    void live(std::size_t turns);
    void settle_down();
    void stop_everything();
    void start_everything();
    void expect(bool condition, const std::string& what);
    void expect_all_answered(const std::string& when);
    manager::Done answer(const std::string& what);
    model::DaemonSpec random_spec(const std::string& name);
    std::optional<model::ScheduleSpec> random_schedule();
    const engine::DaemonMachine* machine_of(const std::string& name) const;

    Random random_;
    platform::sim::SimClock clock_;
    platform::sim::SimLoop loop_{clock_, random_};
    platform::sim::SimWorld world_{clock_, loop_, random_};
    platform::sim::SimProcessRunner processes_{world_};
    platform::sim::SimCheckRunner checks_{world_};
    platform::sim::SimCapture capture_;
    MemoryJournal journal_{random_};
    std::unique_ptr<manager::Conductor> conductor_;

    ScheduleWatch schedules_;

    std::vector<std::string> names_;  // Of what is registered.
    std::set<std::string> removed_;   // Names that were registered once.
    bool keeper_ = false;             // Somebody sees how processes end that no manager sees.
    bool finished_ = false;           // The present manager has.
    Life life_;
    std::size_t boots_ = 1;  // Of the machine.
    RunId last_run_before_boot_;
    RunId last_begun_;
    bool in_order_ = false;  // Whatever ends now must not be needed any more.
    std::size_t uuids_ = 0;
    unsigned questions_ = 0;                 // To the keeper about ends.
    Instant ends_told_at_{};                 // Of the last of them.
    std::multiset<std::string> unanswered_;  // Requests to the present manager.
    Outcome outcome_;
};

}  // namespace syspulse::simulation
