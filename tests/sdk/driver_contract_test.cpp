// What every driver has to do, through the C ABI, with real processes: one suite for all of them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "support/driver_fixture.hpp"
#include "support/leftovers.hpp"

namespace syspulse::testing {
namespace {

struct Plugin {
    const char* name;
    const char* file;
};

class DriverContract : public ::testing::TestWithParam<Plugin> {
  protected:
    void SetUp() override {
        const Done probe = host_.spawn(1, shell("true"));
        if (probe.status == SYSP_E_DENIED || probe.status == SYSP_E_UNSUPPORTED)
            GTEST_SKIP() << probe.message;
        ASSERT_EQ(probe.status, SYSP_OK) << probe.message;
        ASSERT_TRUE(host_.wait_exit(1));
        host_.release(1);
    }
    std::string output(const Spawn& spawn) { return testing::output(host_, spawn); }

    FakePluginHost host_{GetParam().file};
    EndOfRuns end_of_runs_{host_};
};

TEST_P(DriverContract, reports_the_exit_code) {
    ASSERT_EQ(host_.spawn(1, shell("exit 7")).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(exit->value, 7);
}

TEST_P(DriverContract, reports_the_signal_that_ended_the_process) {
    ASSERT_EQ(host_.spawn(1, shell("kill -USR1 $$")).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_SIGNAL);
    EXPECT_EQ(exit->value, SIGUSR1);
}

TEST_P(DriverContract, names_the_error_and_the_stage_of_a_missing_program) {
    Spawn spawn;
    spawn.argv = {"/no/such"};
    const Done done = host_.spawn(1, spawn);
    EXPECT_EQ(done.status, SYSP_E_OS);
    EXPECT_EQ(done.os_code, ENOENT);
    EXPECT_EQ(done.message, "cannot execute /no/such: No such file or directory (stage exec)");
}

TEST_P(DriverContract, a_child_leaves_its_number_unless_it_never_becomes_the_program) {
    void* const shared = ::mmap(nullptr, sizeof(std::int32_t), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    auto* const slot = static_cast<std::int32_t*>(shared);
    Spawn spawn = shell("exit 0");
    spawn.pid_slot = slot;
    const Done done = host_.spawn(1, spawn);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    EXPECT_EQ(*slot, done.pid);
    ASSERT_TRUE(host_.wait_exit(1));
    spawn.argv = {"/no/such"};
    *slot = -1;
    EXPECT_EQ(host_.spawn(2, spawn).status, SYSP_E_OS);
    EXPECT_EQ(*slot, 0);
    ::munmap(shared, sizeof(std::int32_t));
}

TEST_P(DriverContract, names_the_path_that_was_searched) {
    Spawn spawn;
    spawn.argv = {"no-such-program"};
    EXPECT_NE(host_.spawn(1, spawn).message.find("in PATH (/usr/bin:/bin)"), std::string::npos);
}

TEST_P(DriverContract, names_no_more_of_a_long_path_than_anybody_reads) {
    Spawn spawn;
    spawn.argv = {"no-such-program"};
    std::string path = "/usr/bin";
    for (int i = 0; i < 100; ++i) path += ":/opt/somewhere/bin";
    spawn.env = {"PATH=" + path};
    const std::string message = host_.spawn(1, spawn).message;
    EXPECT_NE(message.find("in PATH (/usr/bin:/opt/somewhere/bin:"), std::string::npos) << message;
    EXPECT_NE(message.find(":... and 90 more)"), std::string::npos) << message;
    EXPECT_LT(message.size(), 300U);
}

TEST_P(DriverContract, names_the_stage_of_a_missing_working_directory) {
    Spawn spawn = shell("true");
    spawn.cwd = "/no/dir";
    EXPECT_EQ(
        host_.spawn(1, spawn).message,
        "cannot enter the working directory /no/dir: No such file or directory (stage chdir)");
}

TEST_P(DriverContract, refuses_an_unknown_user) {
    Spawn spawn = shell("true");
    spawn.user = "no-such-user";
    const Done done = host_.spawn(1, spawn);
    EXPECT_EQ(done.status, SYSP_E_CONFIG);
    EXPECT_NE(done.message.find("no-such-user"), std::string::npos);
}

TEST_P(DriverContract, refuses_an_empty_command) {
    EXPECT_EQ(host_.spawn(1, Spawn{}).status, SYSP_E_CONFIG);
}

TEST_P(DriverContract, runs_in_the_working_directory) {
    Spawn spawn = shell("pwd");
    spawn.cwd = "/usr";
    EXPECT_EQ(output(spawn), "/usr");
}

TEST_P(DriverContract, searches_the_path_of_the_child) {
    Spawn spawn;
    spawn.argv = {"echo", "a b", ""};
    EXPECT_EQ(output(spawn), "a b ");
}

TEST_P(DriverContract, gives_exactly_the_environment_and_the_run_id) {
    Spawn spawn;
    spawn.argv = {"/usr/bin/env"};
    spawn.env = {"A=1", "SYSPULSE_RUN_ID=forged"};
    spawn.run_id = "run-42";
    EXPECT_EQ(output(spawn), "A=1\nSYSPULSE_RUN_ID=run-42");
}

TEST_P(DriverContract, leaves_no_other_descriptor_open) {
    const int stray = ::open("/dev/null", O_RDONLY);  // Deliberately without O_CLOEXEC.
    Spawn spawn;
    spawn.argv = {"/bin/ls", "/proc/self/fd"};
    EXPECT_EQ(output(spawn), "0\n1\n2\n3");  // 3 is the directory that ls reads.
    ::close(stray);
}

TEST_P(DriverContract, starts_with_clean_signals) {
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(output(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'")),
              "SigBlk:0000000000000000\nSigIgn:0000000000000000");
    ::signal(SIGPIPE, before);
}

TEST_P(DriverContract, leads_its_own_session) {
    EXPECT_EQ(output(shell("set -- $(cat /proc/$$/stat); [ $1 = $5 ] && [ $1 = $6 ] && echo yes")),
              "yes");
}

TEST_P(DriverContract, becomes_the_user_with_its_groups) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    Spawn spawn = shell("id -u; id -g; id -G");
    spawn.user = "nobody";
    EXPECT_EQ(output(spawn).substr(0, 6), "65534\n");
    spawn.user = "1234:2345";
    EXPECT_EQ(output(spawn), "1234\n2345\n2345");
}

TEST_P(DriverContract, kills_a_process_that_ignores_sigterm) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Spawn spawn = shell("trap '' TERM; echo; while :; do sleep 1; done");
    spawn.stdio[1] = ends[1];
    ASSERT_EQ(host_.spawn(1, spawn).status, SYSP_OK);
    char ready = 0;
    ASSERT_EQ(::read(ends[0], &ready, 1), 1);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_OS, SIGTERM).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_P(DriverContract, signalling_an_exited_process_succeeds_and_an_unknown_one_does_not) {
    ASSERT_EQ(host_.spawn(1, shell("exit 0")).status, SYSP_OK);
    ASSERT_TRUE(host_.wait_exit(1));
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_OS, 999).status, SYSP_E_UNSUPPORTED);
    host_.release(1);
    host_.release(1);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.inspect(1).status, SYSP_E_NOT_FOUND);
}

TEST_P(DriverContract, recovers_a_live_process_by_token_and_by_run_id) {
    Spawn spawn = shell("sleep 100");
    spawn.run_id = "run-recover-" + std::to_string(::getpid());
    const Done started = host_.spawn(1, spawn);
    host_.recreate();
    const Done by_token = host_.recover(2, spawn.run_id, started.token);
    EXPECT_EQ(by_token.status, SYSP_OK) << by_token.message;
    EXPECT_EQ(by_token.pid, started.pid);
    host_.recreate();
    const Done by_run = host_.recover(3, spawn.run_id, "");
    EXPECT_EQ(by_run.pid, started.pid) << by_run.message;
    EXPECT_EQ(by_run.token, started.token);
    EXPECT_EQ(host_.signal(3, SYSP_SIG_KILL).status, SYSP_OK);
    const auto exit = host_.wait_exit(3);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGKILL);
    host_.release(3);
}

// Takes all descriptors that the process may open, for as long as it lives.
class NoDescriptors {
  public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit low{most, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
        while (taken_.size() < most) {
            const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (fd < 0) break;
            taken_.push_back(fd);
        }
        EXPECT_EQ(errno, EMFILE);
    }
    ~NoDescriptors() {
        for (const int fd : taken_) ::close(fd);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }

  private:
    static constexpr std::size_t most = 256;
    rlimit before_{};
    std::vector<int> taken_;
};

TEST_P(DriverContract, does_not_say_that_a_process_is_gone_when_it_cannot_look) {
    Spawn spawn = shell("sleep 100");
    spawn.run_id = "run-unseen-" + std::to_string(::getpid());
    const Done started = host_.spawn(1, spawn);
    host_.recreate();
    for (const std::string& token : {started.token, std::string()}) {
        const NoDescriptors none;
        const Done unseen = host_.recover(2, spawn.run_id, token);
        EXPECT_NE(unseen.status, SYSP_OK);
        EXPECT_NE(unseen.status, SYSP_E_NOT_FOUND) << unseen.message;
    }
    EXPECT_EQ(host_.recover(3, spawn.run_id, started.token).pid, started.pid);
    EXPECT_EQ(host_.signal(3, SYSP_SIG_KILL).status, SYSP_OK);
    EXPECT_TRUE(host_.wait_exit(3));
    host_.release(3);
}

TEST_P(DriverContract, keeps_nothing_of_a_recovery_that_fails) {
    Spawn spawn = shell("sleep 100");
    spawn.run_id = "run-unwatched-" + std::to_string(::getpid());
    const Done started = host_.spawn(1, spawn);
    host_.recreate();
    const std::size_t before = open_descriptors();
    host_.refuse_watches(true);
    EXPECT_EQ(host_.recover(2, spawn.run_id, started.token).status, SYSP_E_OS);
    host_.refuse_watches(false);
    EXPECT_EQ(host_.inspect(2).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(host_.recover(3, spawn.run_id, started.token).pid, started.pid);
    EXPECT_EQ(host_.signal(3, SYSP_SIG_KILL).status, SYSP_OK);
    EXPECT_TRUE(host_.wait_exit(3));
    host_.release(3);
}

TEST_P(DriverContract, leaves_no_process_of_a_start_that_it_cannot_watch) {
    const std::size_t before = open_descriptors();
    host_.refuse_watches(true);
    EXPECT_EQ(host_.spawn(1, shell("sleep 100")).status, SYSP_E_OS);
    host_.refuse_watches(false);
    EXPECT_EQ(host_.inspect(1).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_P(DriverContract, reaps_a_process_that_was_released_alive) {
    const Done done = host_.spawn(1, shell("sleep 100"));
    host_.release(1);
    EXPECT_EQ(::kill(static_cast<pid_t>(done.pid), SIGKILL), 0);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(done.pid)); }));
    EXPECT_LE(host_.watch_count(), 1U);  // One may serve all processes.
}

TEST_P(DriverContract, loses_no_exit_of_many_short_processes) {
    constexpr sysp_proc count = 200;
    std::vector<std::int64_t> pids;
    for (sysp_proc proc = 1; proc <= count; ++proc) {
        Spawn spawn;
        spawn.argv = {"true"};
        const Done done = host_.spawn(proc, spawn);
        ASSERT_EQ(done.status, SYSP_OK) << done.message;
        pids.push_back(done.pid);
    }
    for (sysp_proc proc = 1; proc <= count; ++proc) {
        EXPECT_TRUE(host_.wait_exit(proc));
        host_.release(proc);
    }
    for (const auto pid : pids) EXPECT_EQ(::waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG), -1);
    EXPECT_LE(host_.watch_count(), 1U);  // One may serve all processes.
}

INSTANTIATE_TEST_SUITE_P(Bundled, DriverContract,
                         ::testing::Values(Plugin{"posix", POSIX_PLUGIN},
                                           Plugin{"cgroup", CGROUP_PLUGIN}),
                         [](const auto& plugin) { return std::string(plugin.param.name); });

}  // namespace
}  // namespace syspulse::testing
