// The words for states.
#include "model/state.hpp"

#include <gtest/gtest.h>

namespace syspulse::model {
namespace {

TEST(State, every_state_reads_back_from_its_word) {
    for (const State state : {State::stopped, State::starting, State::running, State::stopping,
                              State::backoff, State::failed, State::scheduled}) {
        EXPECT_EQ(parse_state(to_string(state)), state);
    }
    EXPECT_EQ(to_string(State::scheduled), "scheduled");
}

TEST(State, every_health_and_target_reads_back_from_its_word) {
    for (const Health health :
         {Health::unknown, Health::healthy, Health::unhealthy, Health::not_configured}) {
        EXPECT_EQ(parse_health(to_string(health)), health);
    }
    for (const Target target : {Target::down, Target::up})
        EXPECT_EQ(parse_target(to_string(target)), target);
}

TEST(State, unknown_words_are_nothing) {
    EXPECT_FALSE(parse_state("Running"));
    EXPECT_FALSE(parse_health(""));
    EXPECT_FALSE(parse_target("sideways"));
}

}  // namespace
}  // namespace syspulse::model
