#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/random.hpp"
#include "platform/orphan_reaper.hpp"
#include "platform/sim/sim_world.hpp"

namespace syspulse::platform {
namespace {

using std::chrono::seconds;

// Real children, and virtual time between two looks at them.
class OrphanReaperTest : public ::testing::Test {
  protected:
    static pid_t ended_child() {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(0);
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
        return pid;
    }
    static bool is_there(pid_t pid) {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0;
    }
    void pass(seconds time) { loop_.run_until(clock_.now().mono + time); }

    sim::SimClock clock_;
    Random random_{1};
    sim::SimLoop loop_{clock_, random_};
    pid_t ours_ = 0;
    std::uint64_t begun_ = 0;
    std::uint64_t answered_ = 0;
    std::unique_ptr<OrphanReaper> reaper_ = make_orphan_reaper(
        loop_, clock_,
        {[this](std::int64_t pid) { return pid == ours_; }, [this] { return begun_; },
         [this](std::uint64_t up_to) { return answered_ >= up_to; }});
};

TEST_F(OrphanReaperTest, collects_what_nobody_collects_and_leaves_ours_alone) {
    const pid_t orphan = ended_child();
    ours_ = ended_child();
    reaper_->child_ended();
    pass(seconds{3});
    EXPECT_TRUE(is_there(orphan));
    pass(seconds{2});
    EXPECT_FALSE(is_there(orphan));
    pass(seconds{10});
    EXPECT_TRUE(is_there(ours_));
    EXPECT_EQ(::waitpid(ours_, nullptr, 0), ours_);
}

// A driver that starts processes on another thread has one that may end before it is known.
TEST_F(OrphanReaperTest, leaves_alone_what_may_be_of_a_start_without_an_answer) {
    begun_ = 1;
    const pid_t child = ended_child();
    reaper_->child_ended();
    pass(seconds{10});
    EXPECT_TRUE(is_there(child));
    ours_ = child;
    answered_ = 1;
    pass(seconds{10});
    EXPECT_TRUE(is_there(child));
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

// There may always be some start that has no answer yet; those that began later have no part in it.
TEST_F(OrphanReaperTest, waits_for_no_start_that_began_after_the_end) {
    begun_ = 1;
    const pid_t orphan = ended_child();
    reaper_->child_ended();
    pass(seconds{3});
    EXPECT_TRUE(is_there(orphan));
    answered_ = 1;
    begun_ = 2;
    pass(seconds{2});
    EXPECT_FALSE(is_there(orphan));
}

}  // namespace
}  // namespace syspulse::platform
