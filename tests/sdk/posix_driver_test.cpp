// What is special to the driver `posix`; driver_contract_test.cpp has what all drivers do.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "support/driver_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

class PosixDriver : public ::testing::Test {
  protected:
    std::string output(const Spawn& spawn) { return testing::output(host_, spawn); }

    // What the driver says in the end. Somebody's process may be inside exec, which is a doubt and
    // no answer.
    std::int32_t recover(sysp_proc proc, const std::string& run_id, const std::string& token) {
        std::int32_t status = SYSP_E_BUSY;
        while (status == SYSP_E_BUSY) status = host_.recover(proc, run_id, token).status;
        return status;
    }

    FakePluginHost host_{POSIX_PLUGIN};
};

TEST_F(PosixDriver, refuses_a_file_that_is_not_executable) {
    Spawn spawn;
    spawn.argv = {"/etc/passwd"};
    EXPECT_EQ(host_.spawn(1, spawn).os_code, EACCES);
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

TEST_F(PosixDriver, kills_what_a_leader_left_that_ended_while_no_driver_was_there) {
    Spawn spawn = shell("sleep 100 & exit 0");
    spawn.run_id = "run-leftovers-" + std::to_string(::getpid());
    const Done done = host_.spawn(1, spawn);
    ASSERT_TRUE(host_.wait_exit(1));
    host_.recreate();
    ASSERT_EQ(::waitpid(static_cast<pid_t>(done.pid), nullptr, 0), done.pid);
    EXPECT_EQ(recover(2, "another-run", done.token), SYSP_E_NOT_FOUND);
    EXPECT_EQ(recover(2, spawn.run_id, done.token), SYSP_OK);
    const auto exit = host_.wait_exit(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_LOST);
    EXPECT_EQ(host_.signal(2, SYSP_SIG_KILL).status, SYSP_OK);
    host_.release(2);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(static_cast<pid_t>(-done.pid)); }));
    EXPECT_EQ(recover(3, spawn.run_id, done.token), SYSP_E_NOT_FOUND);
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
        EXPECT_EQ(recover(2, "run-x", token), SYSP_E_NOT_FOUND) << token;
    }
    EXPECT_EQ(recover(2, "no-such-run", ""), SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.inspect(1).status, SYSP_OK);
    EXPECT_EQ(::kill(static_cast<pid_t>(started.pid), 0), 0);
    host_.signal(1, SYSP_SIG_KILL);
    host_.wait_exit(1);
    host_.release(1);
}

// Makes a process look as it does inside exec, to who reads /proc in this thread: it has no
// environment yet.
class ShownInsideExec {
  public:
    explicit ShownInsideExec(std::int64_t pid) : proc_("/proc/" + std::to_string(pid)) {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            return;
        std::ifstream stat(proc_ + "/stat");
        std::vector<std::string> words;
        for (std::string word; stat >> word;) words.push_back(word);
        constexpr std::size_t environment_end = 51;  // As proc(5) counts.
        words.at(environment_end - 1) = "0";
        std::ofstream changed(directory_.path() / "stat");
        for (const std::string& word : words) changed << word << ' ';
        changed.close();
        std::ofstream(directory_.path() / "environ").close();
        shown_ = show("stat") && show("environ");
    }
    ~ShownInsideExec() {
        for (const char* name : {"/stat", "/environ"})
            ::umount2((proc_ + name).c_str(), MNT_DETACH);
    }
    ShownInsideExec(const ShownInsideExec&) = delete;
    ShownInsideExec& operator=(const ShownInsideExec&) = delete;
    bool is_shown() const { return shown_; }

  private:
    bool show(const std::string& name) const {
        const std::string file = directory_.path() / name;
        return ::mount(file.c_str(), (proc_ + "/" + name).c_str(), nullptr, MS_BIND, nullptr) == 0;
    }

    std::string proc_;
    test::TemporaryDirectory directory_;
    bool shown_ = false;
};

TEST_F(PosixDriver, does_not_take_a_run_for_gone_while_a_process_is_inside_exec) {
    Spawn spawn;
    spawn.argv = {"sleep", "100"};
    spawn.run_id = "run-inside-exec-" + std::to_string(::getpid());
    const Done started = host_.spawn(1, spawn);
    // A spawn is done before exec is, and then the process is as this test shows it.
    const std::string environment = "/proc/" + std::to_string(started.pid) + "/environ";
    ASSERT_TRUE(host_.run_until([&] { return std::ifstream(environment).peek() != EOF; }));
    host_.recreate();
    bool shown = false;
    {
        const ShownInsideExec inside(started.pid);
        shown = inside.is_shown();
        if (shown) {
            EXPECT_EQ(host_.recover(2, spawn.run_id, "").status, SYSP_E_BUSY);
        }
    }
    EXPECT_EQ(host_.recover(2, spawn.run_id, "").pid, started.pid);
    host_.signal(2, SYSP_SIG_KILL);
    host_.wait_exit(2);
    host_.release(2);
    if (!shown) GTEST_SKIP() << "covering files of /proc takes root";
}

// A child that was cloned right before its manager died runs the manager's program still.
TEST_F(PosixDriver, does_not_take_a_run_for_gone_while_a_child_of_the_last_manager_starts) {
    EXPECT_EQ(recover(1, "no-such-run", ""), SYSP_E_NOT_FOUND);
    // A brother of this process, in a session of its own.
    const auto begin = [](void*) {
        ::setsid();
        for (;;) ::pause();
        return 0;
    };
    alignas(16) std::array<std::byte, 32 * 1024> stack;
    const pid_t pid = ::clone(begin, stack.data() + stack.size(), CLONE_PARENT | SIGCHLD, nullptr);
    ASSERT_GT(pid, 0);
    EXPECT_TRUE(host_.run_until([&] { return ::getsid(pid) == pid; }));
    EXPECT_EQ(host_.recover(1, "no-such-run", "").status, SYSP_E_BUSY);
    ::kill(pid, SIGKILL);
    EXPECT_TRUE(host_.run_until(
        [&] { return host_.recover(1, "no-such-run", "").status == SYSP_E_NOT_FOUND; }));
}

// A session leader that is somebody else's and does not come to its end: the first process of a
// namespace waits for the others, and one of those is not collected.
class LongInEnding {
  public:
    LongInEnding() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return;
        owner_ = ::fork();
        if (owner_ == 0) own(ends[1]);
        ::close(ends[1]);
        if (::read(ends[0], &pid_, sizeof pid_) != sizeof pid_) pid_ = 0;
        ::close(ends[0]);
    }
    ~LongInEnding() {
        ::kill(owner_, SIGKILL);
        ::waitpid(owner_, nullptr, 0);
    }
    LongInEnding(const LongInEnding&) = delete;
    LongInEnding& operator=(const LongInEnding&) = delete;

    bool exists() const { return pid_ > 0; }
    bool has_begun_to_end() const {
        std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
        std::string word;
        for (int field = 1; field <= 9 && stat >> word; ++field) {
        }
        constexpr unsigned long is_ending = 0x4;  // The kernel's PF_EXITING.
        return (std::stoul(word) & is_ending) != 0;
    }

  private:
    [[noreturn]] static void own(int report) {
        if (::unshare(CLONE_NEWPID) != 0) ::_exit(0);
        const pid_t first = ::fork();
        if (first == 0) {
            ::setsid();
            for (;;) ::pause();
        }
        const pid_t second = ::fork();
        if (second == 0) ::_exit(0);
        siginfo_t ended{};
        ::waitid(P_PID, static_cast<id_t>(second), &ended, WEXITED | WNOWAIT);
        while (::getsid(first) != first) ::usleep(1000);
        ::kill(first, SIGKILL);
        (void)!::write(report, &first, sizeof first);
        for (;;) ::pause();
    }

    pid_t owner_ = 0;
    pid_t pid_ = 0;
};

TEST_F(PosixDriver, does_not_wait_for_the_end_of_what_others_run) {
    const LongInEnding other;
    if (!other.exists()) GTEST_SKIP() << "a namespace of processes takes root";
    ASSERT_TRUE(host_.run_until([&] { return other.has_begun_to_end(); }));
    EXPECT_TRUE(host_.run_until(
        [&] { return host_.recover(1, "no-such-run", "").status == SYSP_E_NOT_FOUND; }));
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

}  // namespace
}  // namespace syspulse::testing
