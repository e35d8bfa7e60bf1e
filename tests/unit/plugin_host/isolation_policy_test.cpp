// The times of a plugin in a process of its own, among themselves.
#include "plugin_host/isolation/policy.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace syspulse::plugin_host {
namespace {

// Whatever the watchdog: it has the process of a hung plugin replaced first, and what was under way
// is made again.
TEST(IsolationPolicy, an_operation_outlives_the_watchdog_by_what_it_may_take_itself) {
    const Duration own = std::chrono::seconds{10};
    for (const int millis : {1, 500, 9999, 10000, 10001, 60000, 86400000}) {
        IsolationPolicy policy;
        policy.watchdog = std::chrono::milliseconds{millis};
        EXPECT_GE(policy.operation_limit(own) - policy.watchdog, own);
        EXPECT_LT(policy.signal_patience(), policy.watchdog);
        policy.isolated = false;
        EXPECT_EQ(policy.operation_limit(own), own);
    }
}

}  // namespace
}  // namespace syspulse::plugin_host
