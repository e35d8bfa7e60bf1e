// The checkers `tcp` and `command` through the C ABI, with real sockets and processes.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {
namespace {

// A listening socket on the loopback that never accepts.
class Listener {
  public:
    explicit Listener(int backlog) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(fd_, raw, size), 0);
        EXPECT_EQ(::listen(fd_, backlog), 0);
        EXPECT_EQ(::getsockname(fd_, raw, &size), 0);
        port_ = ntohs(address.sin_port);
    }
    ~Listener() { ::close(fd_); }
    std::string target(const std::string& host = "127.0.0.1") const {
        return host + ":" + std::to_string(port_);
    }

  private:
    int fd_;
    int port_ = 0;
};

TEST(TcpChecker, passes_when_the_port_is_open) {
    FakePluginHost host{TCP_PLUGIN};
    const Listener listener{8};
    const Done done = host.check(listener.target(), 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(TcpChecker, resolves_names_on_a_worker) {
    FakePluginHost host{TCP_PLUGIN};
    const Done done = host.check("no-such-host.invalid:80", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message.find("cannot resolve no-such-host.invalid: "), 0U) << done.message;
}

TEST(TcpChecker, knows_localhost_and_numbers_without_a_worker) {
    FakePluginHost host{TCP_PLUGIN};
    host.hold_workers();
    const Listener listener{8};
    for (const char* name : {"localhost", "LocalHost", "127.0.0.1"}) {
        EXPECT_EQ(host.check(listener.target(name), 60000).outcome, SYSP_CHECK_PASS) << name;
    }
    EXPECT_EQ(host.check("localhost:1", 60000).message,
              "cannot connect to localhost port 1: Connection refused");
}

TEST(TcpChecker, does_not_judge_by_a_look_up_that_never_began) {
    FakePluginHost host{TCP_PLUGIN};
    host.hold_workers();
    const Done done = host.check("no-such-host.invalid:80", 20);
    EXPECT_EQ(done.status, SYSP_E_BUSY);
    EXPECT_EQ(done.message, "cannot resolve no-such-host.invalid: all workers are busy");
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(TcpChecker, fails_when_nobody_listens) {
    FakePluginHost host{TCP_PLUGIN};
    const Done done = host.check("127.0.0.1:1", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "cannot connect to 127.0.0.1 port 1: Connection refused");
}

TEST(TcpChecker, fails_at_its_deadline_when_the_backlog_is_full) {
    FakePluginHost host{TCP_PLUGIN};
    const Listener listener{0};
    Done last;
    for (int i = 0; i < 8; ++i) last = host.check(listener.target(), 60);
    // The checks that fit the backlog closed their connections, but the listener never took them.
    EXPECT_EQ(last.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(last.message, "timed out after 60 ms");
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(TcpChecker, completes_a_cancelled_check_once) {
    FakePluginHost host{TCP_PLUGIN};
    const Listener listener{0};
    for (int i = 0; i < 8; ++i) host.check(listener.target(), 20);
    const sysp_op op = host.start_check(listener.target(), 60000);
    host.cancel_check(op);
    host.cancel_check(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(host.completions(op), 1);
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(TcpChecker, survives_destruction_during_a_look_up) {
    FakePluginHost host{TCP_PLUGIN};
    const sysp_op op = host.start_check("no-such-host.invalid:1", 60000);
    host.recreate();
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
}

TEST(TcpChecker, refuses_bad_targets) {
    FakePluginHost host{TCP_PLUGIN};
    for (const char* target : {"", "localhost", "localhost:", ":80", "localhost:0",
                               "localhost:65536", "::1:80", "[::1]", "[]:80", "h:8x"}) {
        EXPECT_EQ(host.check(target, 60000).status, SYSP_E_CONFIG) << target;
    }
}

TEST(CommandChecker, passes_on_exit_status_0_with_the_output_as_message) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("echo all; echo good >&2", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(done.message, "all good");
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(CommandChecker, fails_on_another_exit_status_or_a_signal) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("echo disk full; exit 3", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "exit status 3: disk full");
    EXPECT_EQ(host.check("kill -9 $$", 60000).message, "killed by signal 9");
}

TEST(CommandChecker, tells_the_command_which_daemon_it_checks) {
    FakePluginHost host{COMMAND_PLUGIN};
    EXPECT_EQ(host.check("echo $SYSPULSE_DAEMON $SYSPULSE_PID", 60000).message, "web 4711");
}

TEST(CommandChecker, does_not_let_the_command_speak_for_the_manager) {
    FakePluginHost host{COMMAND_PLUGIN};
    ASSERT_EQ(::setenv("NOTIFY_SOCKET", "/run/notify", 1), 0);
    const std::string told = host.check("echo \"[$NOTIFY_SOCKET]\"", 60000).message;
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_EQ(told, "[]");
}

TEST(CommandChecker, keeps_the_beginning_and_the_end_of_long_output) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("echo begin; seq 1 100000; echo end; exit 1", 60000);
    EXPECT_EQ(done.message.find("exit status 1: begin 1 2"), 0U);
    EXPECT_EQ(done.message.substr(done.message.size() - 4), " end");
    EXPECT_LT(done.message.size(), 8400U);
}

TEST(CommandChecker, kills_the_whole_group_at_the_deadline) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("sleep 100 & sleep 100", 100);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "timed out after 100 ms");
    EXPECT_TRUE(host.run_until([&] { return host.watch_count() == 0; }));
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST(CommandChecker, completes_a_cancelled_check_once) {
    FakePluginHost host{COMMAND_PLUGIN};
    const sysp_op op = host.start_check("sleep 100", 60000);
    host.cancel_check(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(host.completions(op), 1);
    EXPECT_TRUE(host.run_until([&] { return host.watch_count() == 0; }));
}

TEST(CommandChecker, answers_though_a_background_child_keeps_the_output_open) {
    FakePluginHost host{COMMAND_PLUGIN};
    EXPECT_EQ(host.check("sleep 100 & exit 0", 60000).outcome, SYSP_CHECK_PASS);
}

}  // namespace
}  // namespace syspulse::testing
