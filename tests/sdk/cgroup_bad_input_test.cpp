// What the driver `cgroup` says to limits, options and operators that do not fit.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include "support/cgroup_fixture.hpp"

namespace syspulse::testing {
namespace {

using ::testing::HasSubstr;

class BadInput : public CgroupDriver {
  protected:
    // The spawn must be refused, and no cgroup may stay.
    std::string refused(const Spawn& spawn, sysp_status status = SYSP_E_CONFIG) {
        const auto entries = [&] {
            return std::distance(fs::directory_iterator(base_), fs::directory_iterator{});
        };
        const auto before = entries();
        const Done done = host_.spawn(1, spawn);
        EXPECT_EQ(done.status, status) << done.message;
        EXPECT_EQ(entries(), before);
        return done.message;
    }
    static Spawn limited(std::uint32_t which, std::uint64_t value) {
        Spawn spawn = shell("true");
        spawn.limits.valid = which;
        spawn.limits.memory_bytes = spawn.limits.processes = value;
        spawn.limits.cpu_percent = static_cast<std::uint32_t>(value);
        return spawn;
    }
};

TEST_F(BadInput, zero_is_no_limit_to_live_with) {
    EXPECT_THAT(refused(limited(SYSP_LIMIT_MEMORY, 0)), HasSubstr("max_memory_bytes"));
    EXPECT_THAT(refused(limited(SYSP_LIMIT_CPU, 0)), HasSubstr("max_cpu_percent"));
    EXPECT_THAT(refused(limited(SYSP_LIMIT_PROCESSES, 0)), HasSubstr("max_processes"));
}

TEST_F(BadInput, too_little_memory_for_exec_is_an_end_for_want_of_memory) {
    const Done done = host_.spawn(1, limited(SYSP_LIMIT_MEMORY, 4096));
    if (done.status != SYSP_OK) return;  // The kernel refused to exec: as good, and nothing runs.
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    EXPECT_EQ(exit->flags, unsigned{SYSP_EXITF_OOM});
    host_.release(1);
}

TEST_F(BadInput, a_limit_above_that_of_the_parent_is_refused) {
    const std::string name = "syspulse-test-" + std::to_string(::getpid());
    host_.process_options = {{"/parent", name}};
    const Done first = host_.spawn(1, limited(SYSP_LIMIT_PROCESSES, 64));
    ASSERT_EQ(first.status, SYSP_OK) << first.message;
    const fs::path file = control(first.token, "pids.max", "pids.max");
    const fs::path parent = file.parent_path().parent_path();
    EXPECT_EQ(parent.filename(), name);
    ASSERT_TRUE(host_.wait_exit(1));
    host_.release(1);
    write_file(parent / "pids.max", "100");
    const Done second = host_.spawn(1, limited(SYSP_LIMIT_PROCESSES, 101));
    EXPECT_EQ(second.status, SYSP_E_CONFIG);
    EXPECT_THAT(second.message, HasSubstr("is limited to 100"));
    std::vector<fs::path> made;
    for (const fs::path& group : groups_of(first.token)) made.push_back(group.parent_path());
    for (const fs::path& each : made) EXPECT_EQ(::rmdir(each.c_str()), 0) << each;
}

TEST_F(BadInput, options_that_the_kernel_refuses_are_named_with_file_and_value) {
    host_.process_options = {{"/cpus", "4000"}};
    const Done done = host_.spawn(1, shell("true"));
    EXPECT_NE(done.status, SYSP_OK);
    EXPECT_THAT(done.message, HasSubstr("cannot apply cpus"));
    host_.process_options = {{"/capabilities", "#1"}, {"/capabilities/0", "FLY"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("\"FLY\" is no capability"));
    host_.process_options = {{"/read_only_paths", "#1"}, {"/read_only_paths/0", "/no/such"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("/no/such"));
    host_.process_options = {{"/parent", "a/../../b"}};
    EXPECT_THAT(refused(shell("true")), HasSubstr("/parent"));
}

TEST_F(BadInput, a_cgroup_that_exists_already_is_left_alone) {
    Spawn spawn = shell("true");
    spawn.run_id = "collision." + std::to_string(::getpid());
    const fs::path taken = base_ / ("web." + spawn.run_id);
    ASSERT_TRUE(fs::create_directory(taken));
    EXPECT_THAT(refused(spawn, SYSP_E_OS), HasSubstr(taken.native()));
    EXPECT_EQ(::rmdir(taken.c_str()), 0);
}

TEST_F(BadInput, a_place_that_was_taken_away_is_made_again) {
    ASSERT_EQ(host_.spawn(1, shell("true")).status, SYSP_OK);
    ASSERT_TRUE(host_.wait_exit(1));
    host_.release(1);
    (void)::rmdir(base_.c_str());  // Stays where another manager uses it.
    const Done done = host_.spawn(2, shell("exit 3"));
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const auto exit = host_.wait_exit(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 3);
    host_.release(2);
}

TEST_F(BadInput, a_failed_exec_leaves_no_cgroup) {
    Spawn spawn;
    spawn.argv = {"/no/such"};
    EXPECT_THAT(refused(spawn, SYSP_E_OS), HasSubstr("(stage exec)"));
}

TEST_F(BadInput, a_stranger_in_the_cgroup_ends_with_it) {
    const Done done = host_.spawn(1, shell("exec sleep 1000"));
    const pid_t stranger = ::fork();
    if (stranger == 0) {
        for (;;) ::pause();
    }
    for (const fs::path& group : groups_of(done.token))
        write_file(group / "cgroup.procs", std::to_string(stranger));
    ASSERT_TRUE(kill(1));
    int status = 0;
    EXPECT_EQ(::waitpid(stranger, &status, 0), stranger);
    EXPECT_TRUE(WIFSIGNALED(status));
    host_.release(1);
}

TEST_F(BadInput, a_run_moved_out_and_its_cgroup_removed_can_still_be_stopped) {
    const Done done = host_.spawn(1, shell("exec sleep 1000"));
    for (const fs::path& group : groups_of(done.token)) {
        const fs::path away = group.parent_path() / ("away-" + std::to_string(::getpid()));
        ASSERT_TRUE(fs::create_directory(away));
        write_file(away / "cgroup.procs", std::to_string(done.pid));
        ASSERT_EQ(::rmdir(group.c_str()), 0) << group;
    }
    EXPECT_EQ(host_.stats(1).stats.valid, 0U);
    EXPECT_NE(host_.freeze(1, true).status, SYSP_OK);
    const auto exit = kill(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    host_.release(1);
    for (const fs::path& group : groups_of(done.token)) {
        const fs::path away = group.parent_path() / ("away-" + std::to_string(::getpid()));
        EXPECT_EQ(::rmdir(away.c_str()), 0);
    }
}

TEST_F(BadInput, without_a_writable_subtree_it_says_how_to_get_one) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
        FakePluginHost host{CGROUP_PLUGIN};
        const Done done = host.spawn(1, shell("true"));
        const bool told = done.message.find("Delegate=yes") != std::string::npos;
        ::_exit(done.status != SYSP_OK && told ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace syspulse::testing
