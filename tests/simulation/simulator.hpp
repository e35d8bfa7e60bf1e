// One simulated life of a manager: random daemons, random requests, random faults, crashes of the
// manager; then the faults stop and everything must come to what was asked. One seed decides it
// all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "manager/conductor.hpp"
#include "memory_journal.hpp"
#include "platform/sim/sim_world.hpp"

namespace syspulse::simulation {

struct Outcome {
    std::vector<std::string> violations;  // Empty when every invariant held.
    std::size_t steps = 0;                // Tasks and timers that ran.
};

class Simulator {
  public:
    explicit Simulator(std::uint64_t seed);
    Outcome run();

  private:
    void boot();
    void crash();
    void add_daemons();
    void random_request();
    void check_invariants(const std::string& when);
    void live(std::size_t turns);
    void settle_down();
    void stop_everything();
    void start_everything();
    void expect(bool condition, const std::string& what);
    manager::Done answer(const std::string& what);
    model::DaemonSpec random_spec(std::size_t number);

    Random random_;
    platform::sim::SimClock clock_;
    platform::sim::SimLoop loop_{clock_, random_};
    platform::sim::SimWorld world_{clock_, loop_, random_};
    platform::sim::SimProcessRunner processes_{world_};
    platform::sim::SimCheckRunner checks_{world_};
    platform::sim::SimCapture capture_;
    MemoryJournal journal_{random_};
    std::unique_ptr<manager::Conductor> conductor_;

    std::vector<std::string> names_;
    std::size_t uuids_ = 0;
    std::size_t asked_ = 0;
    std::size_t answered_ = 0;
    Outcome outcome_;
};

}  // namespace syspulse::simulation
