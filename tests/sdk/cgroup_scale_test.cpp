// How the driver `cgroup` ends what is large, and what does not die.
#include <sys/ptrace.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <utility>

#include "support/cgroup_fixture.hpp"

namespace syspulse::testing {
namespace {

using Clock = std::chrono::steady_clock;

class CgroupScale : public CgroupDriver {};

TEST_F(CgroupScale, ends_ten_thousand_processes) {
    constexpr std::size_t count = 10'000;
    const Done done = start_ready(1, load("tree", std::to_string(count)));
    ASSERT_EQ(tasks(1), count);
    const fs::path kill_file = control(done.token, "cgroup.kill", "cgroup.kill");
    const auto began = Clock::now();
    ASSERT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    // How fast is judged by scripts/bench, on a machine that has nothing else to do.
    constexpr int patience = 5;  // Of wait_exit(), a minute each.
    bool ended = false;
    for (int i = 0; i < patience && !ended; ++i) ended = host_.wait_exit(1).has_value();
    ASSERT_TRUE(ended);
    const std::chrono::duration<double> took = Clock::now() - began;
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
    std::cout << "[ MEASURED ] " << count << " processes ended in " << took.count() << " s, "
              << (kill_file.empty() ? "one by one" : "by cgroup.kill") << std::endl;
}

// A process that is traced stays in the middle of its exit until the tracer lets it go, as one does
// that hangs in the kernel.
class HeldAtExit {
  public:
    explicit HeldAtExit(pid_t pid) : pid_(pid) {
        EXPECT_EQ(::ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT), 0) << std::strerror(errno);
    }
    ~HeldAtExit() { let_go(); }
    HeldAtExit(const HeldAtExit&) = delete;
    HeldAtExit& operator=(const HeldAtExit&) = delete;
    // Only who has stopped can be let go, and a kill takes a moment to get there.
    void let_go() {
        const pid_t pid = std::exchange(pid_, 0);
        if (pid == 0) return;
        (void)::ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        (void)::waitpid(pid, nullptr, __WALL);
        (void)::ptrace(PTRACE_DETACH, pid, 0, 0);
    }

  private:
    pid_t pid_;
};

// Of the run, without its leader.
std::vector<pid_t> descendants(const Done& run) {
    std::vector<pid_t> found;
    std::ifstream file(groups_of(run.token).front() / "cgroup.procs");
    for (pid_t pid = 0; file >> pid;) {
        if (pid != run.pid) found.push_back(pid);
    }
    return found;
}

// While descendants live nothing is pending but the guard against those that never die, and with
// all timers held the end can only come from the watch on cgroup.events.
TEST_F(CgroupScale, the_end_is_told_by_the_kernel_and_not_looked_for) {
    const Done done = start_ready(1, load("tree", "2"));
    const auto groups = groups_of(done.token);
    if (!fs::exists(groups.front() / "cgroup.kill")) GTEST_SKIP() << "needs cgroup.kill";
    ASSERT_EQ(descendants(done).size(), 1U);
    HeldAtExit held{descendants(done).front()};
    host_.hold_timers();
    ASSERT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    ASSERT_TRUE(host_.run_until([&] { return host_.timer_count() > 0; }));
    EXPECT_EQ(descendants(done).size(), 1U) << "it has been held";
    constexpr std::uint64_t second_ns = 1'000'000'000;
    EXPECT_EQ(host_.timer_count(), 1U);
    for (const std::uint64_t delay : host_.timer_delays_ns()) EXPECT_GE(delay, second_ns);
    held.let_go();
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    EXPECT_TRUE(host_.end_was_told_by_a_watch(1));
    EXPECT_EQ(host_.timer_count(), 0U);
    EXPECT_TRUE(all_gone(groups));
    host_.release(1);
}

TEST_F(CgroupScale, what_does_not_die_is_given_up_and_its_cgroup_removed_later) {
    const Done done = start_ready(1, load("tree", "2"));
    const auto groups = groups_of(done.token);
    const auto processes = [&] { return descendants(done); };
    ASSERT_EQ(processes().size(), 1U);
    HeldAtExit held{processes().front()};
    const auto exit = kill(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    EXPECT_EQ(processes().size(), 1U) << "it has been held";
    EXPECT_FALSE(all_gone(groups));
    host_.release(1);
    held.let_go();
    ASSERT_TRUE(host_.run_until([&] { return processes().empty(); }));
    // The next start takes it away.
    ASSERT_EQ(host_.spawn(2, shell("true")).status, SYSP_OK);
    EXPECT_TRUE(all_gone(groups));
    ASSERT_TRUE(host_.wait_exit(2));
    host_.release(2);
}

}  // namespace
}  // namespace syspulse::testing
