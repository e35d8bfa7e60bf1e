// Thousands of simulated lives of the manager. A failing seed prints how to replay it; put it into
// regression_seeds.txt with the fix.
// Replay one seed: SYSPULSE_SIM_FIRST=N SYSPULSE_SIM_SEEDS=1 simulation_test
// With SYSPULSE_SIM_TRACE=1 the history of the life is printed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "base/log.hpp"
#include "simulator.hpp"

namespace syspulse::simulation {
namespace {

constexpr std::uint64_t seeds_default = 10000;

std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
    const char* text = std::getenv(variable);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

bool holds(std::uint64_t seed, Life life = Life::manager) {
    log::set_level(log::Level::off);  // Simulated faults are not news.
    std::ostream* trace = std::getenv("SYSPULSE_SIM_TRACE") == nullptr ? nullptr : &std::cerr;
    const Outcome outcome = Simulator(seed, trace, life).run();
    for (const std::string& violation : outcome.violations) {
        ADD_FAILURE() << "seed " << seed << ": " << violation
                      << "\n  replay: SYSPULSE_SIM_FIRST=" << seed
                      << " SYSPULSE_SIM_SEEDS=1 simulation_test";
    }
    return outcome.violations.empty();
}

void live_every_seed(Life life) {
    const std::uint64_t first = number_from("SYSPULSE_SIM_FIRST", 1);
    const std::uint64_t count = number_from("SYSPULSE_SIM_SEEDS", seeds_default);
    int failures = 0;
    for (std::uint64_t seed = first; seed < first + count && failures < 3; ++seed) {
        if (!holds(seed, life)) ++failures;
    }
}

TEST(Simulation, every_invariant_holds_for_every_seed) {
    live_every_seed(Life::manager);
}

TEST(Simulation, every_invariant_holds_while_the_machine_goes_down_and_dependencies_stop) {
    live_every_seed(Life::machine);
}

TEST(Simulation, seeds_that_once_failed_hold) {
    std::ifstream file(SYSPULSE_REGRESSION_SEEDS);
    ASSERT_TRUE(file.is_open());
    std::string line;
    while (std::getline(file, line)) {
        if (line.empty() || line.front() == '#') continue;
        holds(std::strtoull(line.c_str(), nullptr, 10));
    }
}

TEST(Simulation, the_same_seed_gives_the_same_life) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Outcome one = Simulator(seed).run();
        const Outcome other = Simulator(seed).run();
        EXPECT_EQ(one.digest, other.digest) << "seed " << seed;
        EXPECT_EQ(one.steps, other.steps) << "seed " << seed;
        EXPECT_NE(one.digest, Simulator(seed + 1).run().digest) << "seed " << seed;
    }
}

}  // namespace
}  // namespace syspulse::simulation
