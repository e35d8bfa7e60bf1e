#include "model/restart_policy.hpp"

#include <algorithm>

namespace syspulse::model {
namespace {

Duration delay_of(const RestartPolicy& policy, std::uint32_t attempt, Random& random) {
    Duration delay = std::min(policy.backoff_base, policy.backoff_max);
    for (std::uint32_t i = 0; i < attempt && delay < policy.backoff_max && delay > Duration::zero();
         ++i) {
        delay = delay > policy.backoff_max / 2 ? policy.backoff_max : delay * 2;
    }
    const auto jitter =
        static_cast<std::int64_t>(static_cast<double>(delay.count()) * 0.1 * random.unit());
    return delay + Duration{jitter};
}

bool wants_restart(const RestartPolicy& policy, const RestartQuestion& question) {
    if (question.forced) return true;
    switch (policy.kind) {
        case RestartPolicy::Kind::never:
            return false;
        case RestartPolicy::Kind::always:
            return true;
        case RestartPolicy::Kind::on_failure:
            return question.failed;
    }
    return false;
}

}  // namespace

RestartDecision decide_restart(const RestartPolicy& policy, const RestartQuestion& question,
                               Random& random) {
    if (!wants_restart(policy, question))
        return {false, Duration::zero(), "restart policy says no"};
    if (policy.max_retries && question.attempt >= *policy.max_retries) {
        return {false, Duration::zero(), "gave up: max_retries reached", true};
    }
    return {true, delay_of(policy, question.attempt, random), "restart policy"};
}

std::string_view to_string(RestartPolicy::Kind kind) noexcept {
    switch (kind) {
        case RestartPolicy::Kind::never:
            return "never";
        case RestartPolicy::Kind::always:
            return "always";
        case RestartPolicy::Kind::on_failure:
            return "on_failure";
    }
    return "never";
}

}  // namespace syspulse::model
