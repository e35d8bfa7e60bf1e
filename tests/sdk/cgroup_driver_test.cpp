// The driver `cgroup` through the C ABI, with real processes in real cgroups, whatever hierarchies
// this machine has. Skipped where no cgroup may be made.
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "support/cgroup_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

TEST_F(CgroupDriver, a_kill_reaches_who_left_session_group_and_parent) {
    const Done done = start_ready(1, load("daemon"));
    EXPECT_EQ(tasks(1), 2U);
    const auto exit = kill(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    EXPECT_EQ(exit->flags, 0U);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(CgroupDriver, the_end_of_the_leader_ends_the_rest_before_it_is_reported) {
    const Done done = host_.spawn(1, shell("setsid sleep 1000 & setsid sleep 1000 & exit 3"));
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(exit->value, 3);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(CgroupDriver, a_request_to_end_reaches_all) {
    const Done done = start_ready(1, shell("setsid sleep 1000 & echo; wait; exit 0"));
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGTERM);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(CgroupDriver, ends_a_fork_bomb) {
    Spawn spawn = load("bomb");
    spawn.limits.valid = SYSP_LIMIT_PROCESSES;
    spawn.limits.processes = 200;
    const Done done = host_.spawn(1, spawn);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    EXPECT_EQ(read_file(control(done.token, "pids.max", "pids.max")), "200");
    EXPECT_TRUE(host_.run_until([&] { return tasks(1) == 200; }));
    ASSERT_TRUE(kill(1));
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(CgroupDriver, tells_that_a_run_ended_for_want_of_memory) {
    Spawn spawn = load("hog");
    spawn.limits.valid = SYSP_LIMIT_MEMORY;
    spawn.limits.memory_bytes = 32 << 20;
    const Done done = host_.spawn(1, spawn);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_SIGNAL);
    EXPECT_EQ(exit->value, SIGKILL);
    EXPECT_EQ(exit->flags, unsigned{SYSP_EXITF_OOM});
    EXPECT_GT(exit->memory_peak_bytes, 16U << 20);
    EXPECT_LE(exit->memory_peak_bytes, 32U << 20);
    host_.release(1);
}

TEST_F(CgroupDriver, holds_a_spinner_to_its_share_of_a_cpu) {
    using Clock = std::chrono::steady_clock;
    // Others that keep the machine busy can only make it less than its share, so that only a
    // machine of our own tells both bounds of a large one. A small one is used up even where the
    // spinner gets little, so that the kernel has to hold it back sooner or later.
    const bool alone = std::getenv("SYSPULSE_MACHINE_IS_OURS") != nullptr;
    Spawn spawn = load("spin");
    spawn.limits.valid = SYSP_LIMIT_CPU;
    spawn.limits.cpu_percent = alone ? 50 : 2;
    const auto began = Clock::now();
    ASSERT_EQ(host_.spawn(1, spawn).status, SYSP_OK);
    const auto held_back = [&] {
        return Clock::now() - began > std::chrono::seconds{3} &&
               host_.stats(1).stats.throttled_count > 0;
    };
    constexpr int patience = 5;  // Of run_until(), a minute each.
    bool seen = false;
    for (int i = 0; i < patience && !seen; ++i) seen = host_.run_until(held_back);
    ASSERT_TRUE(seen);
    const sysp_stats stats = host_.stats(1).stats;
    const std::chrono::duration<double> wall = Clock::now() - began;
    const double percent = static_cast<double>(stats.cpu_ns) / 1e7 / wall.count();
    // What it may have beyond that, at the first and the last period.
    EXPECT_LT(percent, spawn.limits.cpu_percent + (alone ? 10 : 3));
    if (alone) {
        EXPECT_GT(percent, spawn.limits.cpu_percent - 10);
    }
    EXPECT_GT(stats.throttled_ns, 0U);
    ASSERT_TRUE(kill(1));
    host_.release(1);
}

TEST_F(CgroupDriver, a_paused_run_does_nothing_and_can_be_killed) {
    const Done done = host_.spawn(1, load("spin"));
    if (host_.freeze(1, true).status == SYSP_E_UNSUPPORTED) GTEST_SKIP() << "no freezer";
    const auto before = host_.stats(1).stats.cpu_ns;
    EXPECT_EQ(host_.freeze(1, true).status, SYSP_OK);
    // Long enough for another run to get somewhere.
    ASSERT_EQ(host_.spawn(2, load("spin")).status, SYSP_OK);
    ASSERT_TRUE(host_.run_until([&] { return host_.stats(2).stats.cpu_ns > 50'000'000; }));
    ASSERT_TRUE(kill(2));
    host_.release(2);
    EXPECT_EQ(host_.stats(1).stats.cpu_ns, before);
    EXPECT_EQ(host_.freeze(1, false).status, SYSP_OK);
    EXPECT_TRUE(host_.run_until([&] { return host_.stats(1).stats.cpu_ns > before; }));
    EXPECT_EQ(host_.freeze(1, true).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    const auto exit = kill(1);
    ASSERT_TRUE(exit);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(1);
}

TEST_F(CgroupDriver, a_request_to_end_is_heeded_once_it_is_thawed) {
    ASSERT_EQ(host_.spawn(1, shell("sleep 1000")).status, SYSP_OK);
    ASSERT_EQ(host_.freeze(1, true).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    EXPECT_EQ(host_.freeze(1, false).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGTERM);
    host_.release(1);
}

TEST_F(CgroupDriver, recovery_finds_it_frozen) {
    const Done done = host_.spawn(1, shell("sleep 1000"));
    ASSERT_EQ(host_.freeze(1, true).status, SYSP_OK);
    host_.recreate();
    const Done found = host_.recover(2, "no matter", done.token);
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_EQ(found.pid, done.pid);
    EXPECT_EQ(found.flags, unsigned{SYSP_SPAWNF_FROZEN});
    ASSERT_TRUE(kill(2));
    host_.release(2);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
}

TEST_F(CgroupDriver, nothing_hides_when_the_leader_died_with_the_manager) {
    const Done done = start_ready(1, load("daemon"));
    host_.recreate();
    ASSERT_EQ(::kill(static_cast<pid_t>(done.pid), SIGKILL), 0);
    ASSERT_EQ(::waitpid(static_cast<pid_t>(done.pid), nullptr, 0), done.pid);
    const Done found = host_.recover(2, "no matter", done.token);
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    const auto exit = host_.wait_exit(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_LOST);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    host_.release(2);
    EXPECT_EQ(host_.recover(3, "no matter", done.token).status, SYSP_E_NOT_FOUND);
}

TEST_F(CgroupDriver, recovery_by_run_id_takes_over_whoever_is_left) {
    Spawn spawn = load("daemon");
    spawn.run_id = "hidden." + std::to_string(::getpid());
    const Done done = start_ready(1, spawn);
    host_.recreate();
    ASSERT_EQ(::kill(static_cast<pid_t>(done.pid), SIGKILL), 0);
    ASSERT_EQ(::waitpid(static_cast<pid_t>(done.pid), nullptr, 0), done.pid);
    const Done found = host_.recover(2, spawn.run_id, "");
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_NE(found.pid, done.pid);
    ASSERT_TRUE(kill(2));
    host_.release(2);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
}

// What it cannot name a leader of it must not call gone, or a second copy is started beside it.
TEST_F(CgroupDriver, what_lives_is_not_gone_although_nobody_can_be_told_to_lead_it) {
    const Done done = start_ready(1, load("daemon"));
    host_.recreate();
    const std::string groups = done.token.substr(done.token.find('\n'));
    const Done doubtful = host_.recover(2, "no matter", "damaged" + groups);
    EXPECT_EQ(doubtful.status, SYSP_E_BUSY) << doubtful.message;
    EXPECT_EQ(host_.recover(3, "no matter", done.token).status, SYSP_OK);
    ASSERT_TRUE(kill(3));
    host_.release(3);
    EXPECT_EQ(host_.recover(4, "no matter", "damaged" + groups).status, SYSP_E_NOT_FOUND);
}

TEST_F(CgroupDriver, an_end_is_told_although_nothing_more_can_be_watched) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    // Who is left when the leader ends, so that the end is waited for.
    Spawn spawn = shell("sleep 100 & read line");
    spawn.stdio[0] = ends[0];
    const Done done = host_.spawn(1, spawn);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    EXPECT_TRUE(host_.run_until([&] { return tasks(1) == 2; }));
    host_.refuse_watches(true);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_TRUE(host_.wait_exit(1));
    host_.refuse_watches(false);
    host_.release(1);
    EXPECT_TRUE(all_gone(groups_of(done.token)));
    // The next run believes in no events that nobody reads.
    ASSERT_EQ(host_.spawn(2, shell("sleep 100 & exit 0")).status, SYSP_OK);
    EXPECT_TRUE(host_.wait_exit(2));
    host_.release(2);
}

TEST_F(CgroupDriver, measures_the_whole_group) {
    const Done done = start_ready(1, load("tree", "5"));
    ASSERT_EQ(done.status, SYSP_OK);
    const sysp_stats stats = host_.stats(1).stats;
    const std::uint32_t always = SYSP_STAT_CPU | SYSP_STAT_CPU_SPLIT | SYSP_STAT_TASKS;
    EXPECT_EQ(stats.valid & always, always);
    EXPECT_EQ(stats.tasks, 5U);
    EXPECT_GT(stats.cpu_ns, 0U);
    if ((stats.valid & SYSP_STAT_RSS) != 0) {
        EXPECT_GT(stats.rss_bytes, 0U);
    }
    ASSERT_TRUE(kill(1));
    EXPECT_EQ(host_.stats(1).stats.valid, 0U);
    host_.release(1);
}

TEST_F(CgroupDriver, leaves_no_cgroup_behind_after_many_runs) {
    const char* cycles = std::getenv("SYSPULSE_CYCLES");
    const int count = cycles == nullptr ? 300 : std::atoi(cycles);
    const std::string run_id = "cycle." + std::to_string(::getpid());
    // One in each place that it has.
    const auto left = [&] { return own_groups().size(); };
    for (int i = 0; i < count; ++i) {
        const bool stopped = i % 2 == 0;
        Spawn spawn;
        spawn.argv =
            stopped ? std::vector<std::string>{"sleep", "1000"} : std::vector<std::string>{"true"};
        spawn.run_id = run_id;
        ASSERT_EQ(host_.spawn(1, spawn).status, SYSP_OK);
        ASSERT_EQ(left(), places_.size());
        ASSERT_TRUE(stopped ? kill(1) : host_.wait_exit(1));
        ASSERT_EQ(left(), 0U);
        host_.release(1);
    }
    EXPECT_EQ(left(), 0U);
    EXPECT_LE(host_.watch_count(), 1U);  // The one for all cgroup.events.
    EXPECT_EQ(host_.timer_count(), 0U);
}

TEST_F(CgroupDriver, what_a_failed_test_leaves_is_ended) {
    std::vector<fs::path> groups;
    {
        FakePluginHost host{CGROUP_PLUGIN};
        const EndOfRuns end{host};
        const Done done = host.spawn(1, load("daemon"));
        ASSERT_EQ(done.status, SYSP_OK) << done.message;
        (void)host.freeze(1, true);
        groups = groups_of(done.token);
        ASSERT_FALSE(all_gone(groups));
    }
    EXPECT_TRUE(all_gone(groups));
}

// --- confinement

TEST_F(CgroupDriver, takes_privileges_away) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    host_.process_options = {{"/no_new_privs", "true"},
                             {"/capabilities", "#1"},
                             {"/capabilities/0", "CAP_NET_BIND_SERVICE"},
                             {"/umask", "027"}};
    EXPECT_EQ(
        output(shell("grep -E '^(NoNewPrivs|CapBnd)' /proc/self/status | tr -d '\\t'; umask")),
        "CapBnd:0000000000000400\nNoNewPrivs:1\n0027");
}

TEST_F(CgroupDriver, gives_a_tmp_of_its_own_and_read_only_paths) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::string mark = "/tmp/syspulse-mark-" + std::to_string(::getpid());
    write_file(mark, "x");
    host_.process_options = {
        {"/private_tmp", "true"}, {"/read_only_paths", "#1"}, {"/read_only_paths/0", "/usr"}};
    EXPECT_EQ(
        output(shell("ls /tmp; touch /tmp/own && echo own; touch /usr/no 2>&1 | grep -c Read")),
        "own\n1");
    EXPECT_TRUE(fs::exists(mark));
    EXPECT_FALSE(fs::exists("/tmp/own"));
    fs::remove(mark);
}

// A file system of a test's own that forbids a few things, and another one below it, which nobody
// else sees.
class OwnMounts {
  public:
    OwnMounts() {
        const auto mount = [](const fs::path& at) {
            constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
            fs::create_directory(at);
            return ::mount("tmpfs", at.c_str(), "tmpfs", flags, nullptr) == 0;
        };
        mounted_ = ::unshare(CLONE_NEWNS) == 0 &&
                   ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   mount(path()) && mount(path() / "below");
    }
    ~OwnMounts() {
        ::umount2((path() / "below").c_str(), MNT_DETACH);
        ::umount2(path().c_str(), MNT_DETACH);
    }
    OwnMounts(const OwnMounts&) = delete;
    OwnMounts& operator=(const OwnMounts&) = delete;
    bool exist() const { return mounted_; }
    fs::path path() const { return directory_.path() / "of its own"; }

  private:
    test::TemporaryDirectory directory_;
    bool mounted_ = false;
};

// Kernels before 5.12 cannot protect what is mounted below.
TEST_F(CgroupDriver, protects_what_is_mounted_below_a_read_only_path_or_refuses) {
    const OwnMounts own;
    if (!own.exist()) GTEST_SKIP() << "needs root";
    constexpr int mount_setattr_number = 442;
    const bool older =
        ::syscall(mount_setattr_number, -1, "", 0, nullptr, 0) != 0 && errno == ENOSYS;
    host_.process_options = {{"/read_only_paths", "#1"}, {"/read_only_paths/0", own.path()}};
    const Spawn touch =
        shell("touch '" + (own.path() / "below/no").string() + "' 2>&1 | grep -c Read");
    if (!older) {
        EXPECT_EQ(output(touch), "1");
        return;
    }
    const Done refused = host_.spawn(1, touch);
    EXPECT_EQ(refused.status, SYSP_E_CONFIG);
    const std::string below = (own.path() / "below").string() + " below it";
    EXPECT_NE(refused.message.find(below), std::string::npos) << refused.message;
}

// Such as set-user-ID programs and devices.
TEST_F(CgroupDriver, a_read_only_path_keeps_what_its_mount_forbids) {
    const OwnMounts own;
    if (!own.exist()) GTEST_SKIP() << "needs root";
    const std::string below = own.path() / "below";
    host_.process_options = {{"/read_only_paths", "#1"}, {"/read_only_paths/0", below}};
    EXPECT_EQ(output(shell("touch '" + below + "/no' 2>&1 | grep -c Read")), "1");
    EXPECT_EQ(output(shell("grep -c '/below tmpfs ro,nosuid,nodev,noexec' /proc/self/mounts")),
              "1");
}

}  // namespace
}  // namespace syspulse::testing
