// When a daemon that ended is started again, and after how long. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/random.hpp"
#include "base/time.hpp"

namespace syspulse::model {

struct RestartPolicy {
    enum class Kind : std::uint8_t { never, always, on_failure };

    Kind kind = Kind::never;
    std::optional<std::uint32_t> max_retries;  // Restarts in a row; absent means unlimited.
    Duration backoff_base = std::chrono::seconds{1};
    Duration backoff_max = std::chrono::seconds{300};
    Duration reset_after =
        std::chrono::seconds{60};  // A run of this length clears the attempt counter.

    bool operator==(const RestartPolicy&) const = default;
};

struct RestartDecision {
    bool restart = false;
    Duration delay{0};
    std::string_view reason;  // A literal: why this was decided, for history and `status`.
    bool gave_up = false;     // The policy wanted another try, but there were enough.
};

// What the decision depends on.
struct RestartQuestion {
    bool failed = false;  // The run ended other than with a success code, or became unhealthy.
    bool forced = false;  // Restart whatever the policy says (on_unhealthy: restart).
    std::uint32_t attempt = 0;  // Restarts in a row before this one.
};

// `attempt` counts restarts since the last reset; the delay is base * 2^attempt, capped, plus up to
// 10 % jitter taken from `random`.
RestartDecision decide_restart(const RestartPolicy& policy, const RestartQuestion& question,
                               Random& random);

std::string_view to_string(RestartPolicy::Kind kind) noexcept;

}  // namespace syspulse::model
