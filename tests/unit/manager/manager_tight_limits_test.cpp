#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/tight_limits.hpp"

namespace syspulse::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<platform::DaemonLimit> limits{{1000, "the limit of things (1168)", "raise it"},
                                                {5000, "the limit of others (5256)", "raise that"}};

TEST(TightLimits, AreNotToldWhileThereIsRoom) {
    EXPECT_THAT(tight_limits(0, limits), IsEmpty());
    EXPECT_THAT(tight_limits(899, limits), IsEmpty());
    EXPECT_THAT(tight_limits(100000, {}), IsEmpty());
}

TEST(TightLimits, AreToldBeforeTheyAreReached) {
    EXPECT_THAT(
        tight_limits(900, limits),
        ElementsAre("900 daemons are declared, and the limit of things (1168) has room for "
                    "about 1000 that run at the same time; raise it before more are added"));
    EXPECT_THAT(tight_limits(1000, limits), ElementsAre(HasSubstr("before more are added")));
}

TEST(TightLimits, SayWhenDaemonsCannotBeStarted) {
    EXPECT_THAT(tight_limits(1001, limits), ElementsAre(HasSubstr("the others cannot be started")));
    EXPECT_THAT(tight_limits(4500, limits),
                ElementsAre(HasSubstr("the others cannot be started"), HasSubstr("raise that")));
}

TEST(TightLimits, AreThoseOfThisSystem) {
    for (const platform::DaemonLimit& limit : platform::daemon_limits()) {
        EXPECT_GT(limit.daemons, 0U) << limit.what;
        EXPECT_THAT(limit.what, HasSubstr("("));
        EXPECT_FALSE(limit.remedy.empty());
    }
}

}  // namespace
}  // namespace syspulse::manager
