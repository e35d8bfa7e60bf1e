// The driver `posix` through the C ABI, with real processes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {
namespace {

using Spawn = FakePluginHost::Spawn;

class PosixDriver : public ::testing::Test {
  protected:
    FakePluginHost host_{POSIX_PLUGIN};

    Spawn shell(const std::string& script) {
        Spawn spawn;
        spawn.argv = {"/bin/sh", "-c", script};
        return spawn;
    }
    // What the script prints, with the exit status of 0 checked.
    std::string output(Spawn spawn) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        spawn.stdio[1] = ends[1];
        const Done done = host_.spawn(1, spawn);
        ::close(ends[1]);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        std::string text;
        std::array<char, 4096> chunk;
        for (ssize_t n; (n = ::read(ends[0], chunk.data(), chunk.size())) > 0;) {
            text.append(chunk.data(), static_cast<std::size_t>(n));
        }
        ::close(ends[0]);
        const auto exit = host_.wait_exit(1);
        EXPECT_TRUE(exit && exit->kind == SYSP_EXIT_CODE && exit->value == 0) << text;
        host_.release(1);
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return text;
    }
};

bool is_gone(pid_t pid) {
    return ::kill(pid, 0) != 0 && errno == ESRCH;
}

TEST_F(PosixDriver, reports_the_exit_code) {
    ASSERT_EQ(host_.spawn(1, shell("exit 7")).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(exit->value, 7);
}

TEST_F(PosixDriver, reports_the_signal_that_ended_the_process) {
    ASSERT_EQ(host_.spawn(1, shell("kill -USR1 $$")).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_SIGNAL);
    EXPECT_EQ(exit->value, SIGUSR1);
}

TEST_F(PosixDriver, names_the_error_and_the_stage_of_a_missing_program) {
    Spawn spawn;
    spawn.argv = {"/no/such"};
    const Done done = host_.spawn(1, spawn);
    EXPECT_EQ(done.status, SYSP_E_OS);
    EXPECT_EQ(done.os_code, ENOENT);
    EXPECT_EQ(done.message, "cannot execute /no/such: No such file or directory (stage exec)");
}

TEST_F(PosixDriver, names_the_path_that_was_searched) {
    Spawn spawn;
    spawn.argv = {"no-such-program"};
    EXPECT_NE(host_.spawn(1, spawn).message.find("in PATH (/usr/bin:/bin)"), std::string::npos);
}

TEST_F(PosixDriver, refuses_a_file_that_is_not_executable) {
    Spawn spawn;
    spawn.argv = {"/etc/passwd"};
    EXPECT_EQ(host_.spawn(1, spawn).os_code, EACCES);
}

TEST_F(PosixDriver, names_the_stage_of_a_missing_working_directory) {
    Spawn spawn = shell("true");
    spawn.cwd = "/no/dir";
    EXPECT_EQ(
        host_.spawn(1, spawn).message,
        "cannot enter the working directory /no/dir: No such file or directory (stage chdir)");
}

TEST_F(PosixDriver, refuses_an_unknown_user) {
    Spawn spawn = shell("true");
    spawn.user = "no-such-user";
    const Done done = host_.spawn(1, spawn);
    EXPECT_EQ(done.status, SYSP_E_CONFIG);
    EXPECT_NE(done.message.find("no-such-user"), std::string::npos);
}

TEST_F(PosixDriver, refuses_an_empty_command) {
    EXPECT_EQ(host_.spawn(1, Spawn{}).status, SYSP_E_CONFIG);
}

TEST_F(PosixDriver, runs_in_the_working_directory) {
    Spawn spawn = shell("pwd");
    spawn.cwd = "/usr";
    EXPECT_EQ(output(spawn), "/usr");
}

TEST_F(PosixDriver, searches_the_path_of_the_child) {
    Spawn spawn;
    spawn.argv = {"echo", "a b", ""};
    EXPECT_EQ(output(spawn), "a b ");
}

TEST_F(PosixDriver, gives_exactly_the_environment_and_the_run_id) {
    Spawn spawn;
    spawn.argv = {"/usr/bin/env"};
    spawn.env = {"A=1", "SYSPULSE_RUN_ID=forged"};
    spawn.run_id = "run-42";
    EXPECT_EQ(output(spawn), "A=1\nSYSPULSE_RUN_ID=run-42");
}

TEST_F(PosixDriver, leaves_no_other_descriptor_open) {
    const int stray = ::open("/dev/null", O_RDONLY);  // Deliberately without O_CLOEXEC.
    Spawn spawn;
    spawn.argv = {"/bin/ls", "/proc/self/fd"};
    EXPECT_EQ(output(spawn), "0\n1\n2\n3");  // 3 is the directory that ls reads.
    ::close(stray);
}

TEST_F(PosixDriver, starts_with_clean_signals) {
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(output(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'")),
              "SigBlk:0000000000000000\nSigIgn:0000000000000000");
    ::signal(SIGPIPE, before);
}

TEST_F(PosixDriver, leads_its_own_session) {
    EXPECT_EQ(output(shell("set -- $(cat /proc/$$/stat); [ $1 = $5 ] && [ $1 = $6 ] && echo yes")),
              "yes");
}

TEST_F(PosixDriver, applies_the_limits) {
    Spawn spawn = shell("ulimit -n; ulimit -v");
    spawn.limits.valid = SYSP_LIMIT_OPEN_FILES | SYSP_LIMIT_MEMORY;
    spawn.limits.open_files = 77;
    spawn.limits.memory_bytes = 512 * 1024 * 1024;
    EXPECT_EQ(output(spawn), "77\n524288");
}

// A host that opens more than its children may is no reason for them to open more.
TEST_F(PosixDriver, gives_children_the_descriptor_limit_that_the_host_was_started_with) {
    rlimit given{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &given), 0);
    const rlimit changed{given.rlim_cur - 1, given.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &changed), 0);
    EXPECT_EQ(output(shell("ulimit -n")), std::to_string(given.rlim_cur));
    ::setrlimit(RLIMIT_NOFILE, &given);
}

TEST_F(PosixDriver, refuses_a_process_before_the_last_descriptors_are_gone) {
    rlimit given{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &given), 0);
    const rlimit few{100, given.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const Done refused = host_.spawn(1, shell("exit 0"));
    ::setrlimit(RLIMIT_NOFILE, &given);
    EXPECT_NE(refused.status, SYSP_OK);
    EXPECT_NE(refused.message.find("LimitNOFILE="), std::string::npos) << refused.message;
}

TEST_F(PosixDriver, becomes_the_user_with_its_groups) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    Spawn spawn = shell("id -u; id -g; id -G");
    spawn.user = "nobody";
    EXPECT_EQ(output(spawn).substr(0, 6), "65534\n");
    spawn.user = "1234:2345";
    EXPECT_EQ(output(spawn), "1234\n2345\n2345");
}

TEST_F(PosixDriver, terminates_the_whole_group) {
    const Done done = host_.spawn(1, shell("sleep 100 & sleep 100"));
    ASSERT_EQ(done.status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, SIGTERM);
    host_.release(1);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(-done.pid)); }));
}

TEST_F(PosixDriver, kills_leftovers_after_the_leader_ended) {
    const Done done = host_.spawn(1, shell("sleep 100 & exit 0"));
    ASSERT_TRUE(host_.wait_exit(1));
    const auto group = static_cast<pid_t>(-done.pid);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    host_.release(1);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(group); }));
}

TEST_F(PosixDriver, kills_a_process_that_ignores_sigterm) {
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

TEST_F(PosixDriver, signalling_an_exited_process_succeeds_and_an_unknown_one_does_not) {
    ASSERT_EQ(host_.spawn(1, shell("exit 0")).status, SYSP_OK);
    ASSERT_TRUE(host_.wait_exit(1));
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_OS, 999).status, SYSP_E_UNSUPPORTED);
    host_.release(1);
    host_.release(1);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.inspect(1).status, SYSP_E_NOT_FOUND);
}

TEST_F(PosixDriver, recovers_a_live_process_by_token_and_by_run_id) {
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

TEST_F(PosixDriver, does_not_recover_what_cannot_be_verified) {
    const Done started = host_.spawn(1, shell("sleep 100"));
    const auto slash = started.token.find('/');
    const std::string pid = started.token.substr(0, slash);
    const std::string boot = started.token.substr(started.token.rfind('/'));
    for (const std::string& token :
         {pid + "/1" + boot, pid + "/" + started.token.substr(slash + 1) + "x", pid,
          std::string("1/0/x"), std::string("garbage"), std::string("-1/2/3"),
          std::string(4096, '9')}) {
        EXPECT_EQ(host_.recover(2, "run-x", token).status, SYSP_E_NOT_FOUND) << token;
    }
    EXPECT_EQ(host_.recover(2, "no-such-run", "").status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.inspect(1).status, SYSP_OK);
    EXPECT_EQ(::kill(static_cast<pid_t>(started.pid), 0), 0);
    host_.signal(1, SYSP_SIG_KILL);
    host_.wait_exit(1);
    host_.release(1);
}

TEST_F(PosixDriver, reaps_a_process_that_was_released_alive) {
    const Done done = host_.spawn(1, shell("sleep 100"));
    host_.release(1);
    EXPECT_EQ(::kill(static_cast<pid_t>(done.pid), SIGKILL), 0);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(done.pid)); }));
    EXPECT_EQ(host_.watch_count(), 0U);
}

TEST_F(PosixDriver, has_statistics_of_a_live_process) {
    ASSERT_EQ(host_.spawn(1, shell("sleep 100")).status, SYSP_OK);
    const Done done = host_.stats(1);
    EXPECT_EQ(done.stats.valid, unsigned{SYSP_STAT_CPU} | SYSP_STAT_RSS | SYSP_STAT_TASKS);
    // Right after exec the kernel may still count no pages.
    EXPECT_TRUE(host_.run_until([&] { return host_.stats(1).stats.rss_bytes > 0; }));
    EXPECT_EQ(done.stats.tasks, 1U);
    host_.signal(1, SYSP_SIG_KILL);
    host_.wait_exit(1);
    host_.release(1);
}

TEST_F(PosixDriver, loses_no_exit_of_many_short_processes) {
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
    EXPECT_EQ(host_.watch_count(), 0U);
}

}  // namespace
}  // namespace syspulse::testing
