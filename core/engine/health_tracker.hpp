// Turns single check results into healthy and unhealthy by the spec's thresholds, and says when the
// next check is due. Pure.
//
// Checks run on a grid of `interval`. Until the first verdict additional probes run in between,
// soon after the start and then less and less often, so that a daemon that comes up quickly is seen
// to be healthy quickly; only their successes count. Failures within the start period do not count
// either, unless the daemon has been healthy before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "model/daemon_spec.hpp"
#include "model/state.hpp"

namespace syspulse::engine {

class HealthTracker {
  public:
    // A run began at `now`.
    void reset(const model::HealthCheckSpec& spec, Instant now);

    // Begins with a verdict that an earlier manager gave, until the next check says otherwise.
    void assume(model::Health known);

    Instant next_due() const { return next_due_; }

    // A check was started at `now`; it counts as regular when the grid says so.
    void started(Instant now);

    // The outstanding check ended; without a verdict it could not be made, and the next one comes
    // in its turn. Returns the new health when it changed.
    std::optional<model::Health> ended(const model::HealthCheckSpec& spec,
                                       std::optional<bool> passed, Instant now);

    model::Health health() const { return health_; }
    std::uint32_t consecutive_failures() const { return failures_; }

  private:
    std::optional<model::Health> verdict(const model::HealthCheckSpec& spec, bool passed,
                                         bool counts);
    void plan_next(const model::HealthCheckSpec& spec, Instant now);

    Instant begun_{};
    Instant next_due_{};
    Instant next_regular_{};
    Duration probe_gap_{0};
    std::uint32_t failures_ = 0;
    std::uint32_t successes_ = 0;
    model::Health health_ = model::Health::unknown;
    bool regular_ = false;
    bool has_been_healthy_ = false;
};

}  // namespace syspulse::engine
