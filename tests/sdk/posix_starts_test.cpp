// Starts of the driver `posix` that go on beside the loop: many at once, one that hangs before
// exec, one that is given up, and a driver that goes away meanwhile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/child.hpp"
#include "common/unique_fd.hpp"
#include "support/driver_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

// A program that nobody gets to execute before it is let go: a lease holds up who opens its file.
class HeldProgram {
  public:
    HeldProgram() {
        std::filesystem::copy_file("/bin/true", path());
        lease_ = plugins::UniqueFd{::open(path().c_str(), O_RDONLY | O_CLOEXEC)};
        // A signal that nobody minds, in the place of SIGIO.
        held_ = ::fcntl(lease_.get(), F_SETSIG, SIGURG) == 0 &&
                ::fcntl(lease_.get(), F_SETLEASE, F_WRLCK) == 0;
    }
    bool is_held() const { return held_; }
    void let_go() { lease_.reset(); }
    std::string path() const { return (directory_.path() / "program").string(); }

  private:
    test::TemporaryDirectory directory_;
    plugins::UniqueFd lease_;
    bool held_ = false;
};

class PosixStarts : public ::testing::Test {
  protected:
    FakePluginHost host_{POSIX_PLUGIN};
};

// With a program that cannot be executed for now.
class HeldStarts : public PosixStarts {
  protected:
    void SetUp() override {
        if (!plugins::launches_go_on_beside())
            GTEST_SKIP() << "a driver that was built with a sanitizer waits for its children";
        if (!program_.is_held()) GTEST_SKIP() << "the file system has no leases";
    }
    // Answered when it is let go. Its number is there already.
    sysp_op begin_held(sysp_proc proc) {
        Spawn spawn;
        spawn.argv = {program_.path()};
        spawn.pid_slot = &pid_;
        __atomic_store_n(&pid_, 0, __ATOMIC_RELAXED);
        const sysp_op op = host_.begin_spawn(proc, spawn);
        EXPECT_TRUE(host_.run_until([&] { return number() != 0; }));
        return op;
    }
    void run_another(sysp_proc proc) {
        ASSERT_EQ(host_.spawn(proc, shell("exit 3")).status, SYSP_OK);
        const auto exit = host_.wait_exit(proc);
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->value, 3);
        host_.release(proc);
    }
    pid_t number() { return __atomic_load_n(&pid_, __ATOMIC_RELAXED); }

    HeldProgram program_;
    std::int32_t pid_ = 0;
};

// Each has output of its own, and one fails.
TEST_F(PosixStarts, mix_nothing_up_when_they_are_many) {
    constexpr std::size_t many = 40;
    constexpr std::size_t broken = 7;
    std::array<std::array<int, 2>, many> pipes{};
    std::vector<sysp_op> ops;
    for (std::size_t i = 0; i < many; ++i) {
        ASSERT_EQ(::pipe2(pipes[i].data(), O_CLOEXEC), 0);
        Spawn spawn = shell("echo " + std::to_string(i) + "; exit " + std::to_string(i));
        if (i == broken) spawn.argv = {"/no/such/program"};
        spawn.stdio[1] = pipes[i][1];
        ops.push_back(host_.begin_spawn(i + 1, spawn));
        ::close(pipes[i][1]);
    }
    for (std::size_t i = 0; i < many; ++i) {
        ASSERT_TRUE(host_.run_until([&] { return host_.result(ops[i]).has_value(); }));
        const Done done = *host_.result(ops[i]);
        EXPECT_EQ(host_.completions(ops[i]), 1);
        if (i == broken) {
            EXPECT_EQ(done.os_code, ENOENT) << done.message;
        } else {
            const auto exit = host_.wait_exit(i + 1);
            ASSERT_TRUE(exit && exit->kind == SYSP_EXIT_CODE) << i;
            EXPECT_EQ(exit->value, static_cast<std::int32_t>(i));
            host_.release(i + 1);
        }
        // The end of the file too: nobody else holds the other end.
        std::array<char, 16> text{};
        const ssize_t size = ::read(pipes[i][0], text.data(), text.size());
        EXPECT_EQ(std::string(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))),
                  i == broken ? "" : std::to_string(i) + "\n");
        EXPECT_EQ(::read(pipes[i][0], text.data(), text.size()), 0);
        ::close(pipes[i][0]);
    }
    EXPECT_EQ(host_.timer_count(), 0U) << "it goes on looking for children on their way";
}

TEST_F(HeldStarts, hold_up_nobody_when_one_hangs_before_exec) {
    const sysp_op held = begin_held(1);
    for (sysp_proc proc = 2; proc < 12; ++proc) run_another(proc);
    EXPECT_FALSE(host_.result(held));
    program_.let_go();
    ASSERT_TRUE(host_.run_until([&] { return host_.result(held).has_value(); }));
    const Done done = *host_.result(held);
    EXPECT_EQ(done.status, SYSP_OK) << done.message;
    EXPECT_EQ(done.pid, number());
    EXPECT_TRUE(host_.wait_exit(1));
    host_.release(1);
}

// As many as may be on their way, and more: who was waited for in vain once does not count.
TEST_F(HeldStarts, wait_once_for_each_that_hangs) {
    std::vector<sysp_op> held;
    for (sysp_proc proc = 1; proc <= 5; ++proc) held.push_back(begin_held(proc));
    for (sysp_proc proc = 6; proc < 20; ++proc) run_another(proc);
    // Each of these would wait 50 ms for one that hangs.
    constexpr sysp_proc burst = 100;
    const auto began = std::chrono::steady_clock::now();
    std::vector<sysp_op> ops;
    for (sysp_proc proc = 20; proc < 20 + burst; ++proc)
        ops.push_back(host_.begin_spawn(proc, shell("exit 0")));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds{50} * burst / 2);
    for (sysp_proc proc = 20; proc < 20 + burst; ++proc) {
        ASSERT_TRUE(host_.run_until([&] { return host_.result(ops[proc - 20]).has_value(); }));
        EXPECT_TRUE(host_.wait_exit(proc));
        host_.release(proc);
    }
    for (const sysp_op op : held) EXPECT_FALSE(host_.result(op));
    program_.let_go();
    for (std::size_t i = 0; i < held.size(); ++i) {
        ASSERT_TRUE(host_.run_until([&] { return host_.result(held[i]).has_value(); }));
        EXPECT_EQ(host_.result(held[i])->status, SYSP_OK);
        EXPECT_TRUE(host_.wait_exit(i + 1));
        host_.release(i + 1);
    }
}

TEST_F(HeldStarts, never_run_once_they_are_given_up) {
    const sysp_op held = begin_held(1);
    host_.cancel_spawn(held);
    ASSERT_TRUE(host_.run_until([&] { return host_.result(held).has_value(); }));
    EXPECT_EQ(host_.result(held)->status, SYSP_E_CANCELLED);
    EXPECT_TRUE(host_.run_until([&] { return is_gone(number()); }));
    run_another(2);
    EXPECT_EQ(host_.completions(held), 1);
}

TEST_F(HeldStarts, end_with_their_driver_which_answers_none) {
    const sysp_op held = begin_held(1);
    const pid_t pid = number();
    host_.recreate();
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_EQ(number(), 0) << "the next manager would take that for the end of the program";
    run_another(2);
    EXPECT_FALSE(host_.result(held));
}

}  // namespace
}  // namespace syspulse::testing
