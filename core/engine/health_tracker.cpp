#include "engine/health_tracker.hpp"

#include <algorithm>

namespace syspulse::engine {
namespace {

using model::Health;

constexpr Duration first_probe_gap = std::chrono::milliseconds{100};
constexpr Duration longest_probe_gap = std::chrono::seconds{1};

}  // namespace

void HealthTracker::reset(const model::HealthCheckSpec& spec, Instant now) {
    *this = HealthTracker{};
    begun_ = now;
    next_due_ = now;
    next_regular_ = now + spec.interval;
    probe_gap_ = first_probe_gap;
}

void HealthTracker::assume(model::Health known) {
    health_ = known == Health::not_configured ? Health::unknown : known;
    has_been_healthy_ = known == Health::healthy;
}

void HealthTracker::started(Instant now) {
    regular_ = now >= next_regular_;
}

std::optional<Health> HealthTracker::ended(const model::HealthCheckSpec& spec,
                                           std::optional<bool> passed, Instant now) {
    const bool in_start_period = !has_been_healthy_ && now < begun_ + spec.start_period;
    std::optional<Health> changed;
    if (passed) changed = verdict(spec, *passed, regular_ && !in_start_period);
    plan_next(spec, now);
    return changed;
}

std::optional<Health> HealthTracker::verdict(const model::HealthCheckSpec& spec, bool passed,
                                             bool counts) {
    const Health before = health_;
    if (passed) {
        failures_ = 0;
        if (successes_ < spec.success_threshold) ++successes_;
        if (successes_ >= spec.success_threshold) {
            health_ = Health::healthy;
            has_been_healthy_ = true;
        }
    } else {
        successes_ = 0;
        if (counts && failures_ < spec.retries) ++failures_;
        if (failures_ >= spec.retries) health_ = Health::unhealthy;
    }
    return health_ == before ? std::nullopt : std::optional(health_);
}

void HealthTracker::plan_next(const model::HealthCheckSpec& spec, Instant now) {
    // The grid is kept; only slots that passed while a check was outstanding are skipped.
    if (regular_) {
        const auto missed = (now - next_regular_) / spec.interval;
        next_regular_ += spec.interval * (missed + 1);
    }
    if (health_ != Health::unknown) {
        next_due_ = std::max(next_regular_, now);
        return;
    }
    next_due_ = std::min(next_regular_, now + probe_gap_);
    probe_gap_ = std::min(probe_gap_ * 2,
                          std::max(first_probe_gap, std::min(spec.interval, longest_probe_gap)));
}

}  // namespace syspulse::engine
