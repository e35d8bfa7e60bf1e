// When a daemon that ended is started again, and after how long.
#include "model/restart_policy.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace syspulse::model {
namespace {

using std::chrono::seconds;

RestartDecision decide(const RestartPolicy& policy, const RestartQuestion& question) {
    Random random(1);
    return decide_restart(policy, question, random);
}

RestartPolicy policy_of(RestartPolicy::Kind kind) {
    RestartPolicy policy;
    policy.kind = kind;
    return policy;
}

TEST(RestartPolicy, never_restarts_nothing) {
    EXPECT_FALSE(decide(policy_of(RestartPolicy::Kind::never), {.failed = true}).restart);
}

TEST(RestartPolicy, on_failure_restarts_failed_runs_only) {
    EXPECT_TRUE(decide(policy_of(RestartPolicy::Kind::on_failure), {.failed = true}).restart);
    EXPECT_FALSE(decide(policy_of(RestartPolicy::Kind::on_failure), {.failed = false}).restart);
}

TEST(RestartPolicy, always_restarts_successes_too) {
    EXPECT_TRUE(decide(policy_of(RestartPolicy::Kind::always), {.failed = false}).restart);
}

TEST(RestartPolicy, forced_restart_overrules_never) {
    EXPECT_TRUE(decide(policy_of(RestartPolicy::Kind::never), {.forced = true}).restart);
}

TEST(RestartPolicy, gives_up_after_max_retries_also_when_forced) {
    RestartPolicy policy = policy_of(RestartPolicy::Kind::always);
    policy.max_retries = 2;
    EXPECT_TRUE(decide(policy, {.attempt = 1}).restart);
    EXPECT_FALSE(decide(policy, {.attempt = 2}).restart);
    EXPECT_FALSE(decide(policy, {.forced = true, .attempt = 2}).restart);
    policy.max_retries = 0;
    EXPECT_FALSE(decide(policy, {.attempt = 0}).restart);
}

TEST(RestartPolicy, delay_doubles_with_up_to_ten_percent_jitter) {
    const RestartPolicy policy = policy_of(RestartPolicy::Kind::always);
    Random random(7);
    for (std::uint32_t attempt = 0; attempt < 8; ++attempt) {
        const Duration base = seconds{std::int64_t{1} << attempt};
        for (int i = 0; i < 100; ++i) {
            const Duration delay = decide_restart(policy, {.attempt = attempt}, random).delay;
            EXPECT_GE(delay, base);
            EXPECT_LE(delay, base + base / 10);
        }
    }
}

TEST(RestartPolicy, delay_is_capped_for_any_attempt) {
    RestartPolicy policy = policy_of(RestartPolicy::Kind::always);
    for (const std::uint32_t attempt : {9U, 64U, std::numeric_limits<std::uint32_t>::max()}) {
        const Duration delay = decide(policy, {.attempt = attempt}).delay;
        EXPECT_GE(delay, seconds{300});
        EXPECT_LE(delay, seconds{330});
    }
    policy.backoff_base = seconds{900};
    EXPECT_LE(decide(policy, {}).delay, seconds{330});
}

TEST(RestartPolicy, no_backoff_means_no_delay) {
    RestartPolicy policy = policy_of(RestartPolicy::Kind::always);
    policy.backoff_base = Duration::zero();
    EXPECT_EQ(decide(policy, {.attempt = std::numeric_limits<std::uint32_t>::max()}).delay,
              Duration::zero());
}

TEST(RestartPolicy, kinds_have_the_words_of_the_spec) {
    EXPECT_EQ(to_string(RestartPolicy::Kind::never), "never");
    EXPECT_EQ(to_string(RestartPolicy::Kind::always), "always");
    EXPECT_EQ(to_string(RestartPolicy::Kind::on_failure), "on_failure");
}

}  // namespace
}  // namespace syspulse::model
