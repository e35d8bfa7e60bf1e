// The checkers `tcp`, `http` and `command` on Windows, through the C ABI, with real sockets and
// processes.
#include <winsock2.h>
#include <ws2tcpip.h>

#include <gmock/gmock.h>

#include <string>
#include <thread>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {
namespace {

using ::testing::HasSubstr;

// Listens on the loopback; with a text, one client gets it and is closed.
class Listener {
  public:
    explicit Listener(std::string answer = {}) {
        WSADATA data{};
        ::WSAStartup(MAKEWORD(2, 2), &data);
        socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket_, generic, size), 0);
        EXPECT_EQ(::listen(socket_, 8), 0);
        EXPECT_EQ(::getsockname(socket_, generic, &size), 0);
        port_ = ntohs(address.sin_port);
        if (!answer.empty()) server_ = std::thread([this, answer] { serve(answer); });
    }
    ~Listener() {
        if (server_.joinable()) server_.join();
        ::closesocket(socket_);
    }
    std::string target(const std::string& host = "127.0.0.1") const {
        return host + ":" + std::to_string(port_);
    }

  private:
    void serve(const std::string& answer) const {
        const SOCKET client = ::accept(socket_, nullptr, nullptr);
        std::string request;
        char chunk[1024];
        while (request.find("\r\n\r\n") == std::string::npos) {
            const int got = ::recv(client, chunk, sizeof chunk, 0);
            if (got <= 0) break;
            request.append(chunk, static_cast<std::size_t>(got));
        }
        ::send(client, answer.data(), static_cast<int>(answer.size()), 0);
        ::shutdown(client, SD_SEND);
        while (::recv(client, chunk, sizeof chunk, 0) > 0) {
        }
        ::closesocket(client);
    }

    SOCKET socket_ = INVALID_SOCKET;
    int port_ = 0;
    std::thread server_;
};

TEST(TcpChecker, passes_when_the_port_is_open_by_number_and_by_name) {
    FakePluginHost host{TCP_PLUGIN};
    const Listener listener;
    const Done done = host.check(listener.target(), 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
    EXPECT_EQ(host.check(listener.target("localhost"), 60000).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(TcpChecker, fails_when_nobody_listens) {
    FakePluginHost host{TCP_PLUGIN};
    const Done done = host.check("127.0.0.1:1", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "cannot connect to 127.0.0.1 port 1: Connection refused");
}

TEST(HttpChecker, judges_status_and_body) {
    const Options options = {{"/method", "GET"},      {"/body_contains", "well"},
                             {"/body_regex", "w.ll"}, {"/follow_redirects", "false"},
                             {"/tls_verify", "true"}, {"/ca_file", ""},
                             {"/unix_socket", ""}};
    FakePluginHost host{HTTP_PLUGIN, options};
    {
        const Listener listener{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"};
        const Done done = host.check("http://" + listener.target() + "/", 60000);
        EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
        EXPECT_EQ(done.message, "HTTP 200");
    }
    const Listener listener{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"};
    const Done done = host.check("http://" + listener.target() + "/", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "HTTP 503 (expected 2xx)");
    EXPECT_EQ(host.check("http://127.0.0.1:1/", 60000).outcome, SYSP_CHECK_FAIL);
}

TEST(CommandChecker, passes_on_exit_code_0_with_the_output_as_message) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("echo all& echo good>&2", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
    EXPECT_EQ(done.message, "all good");
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(CommandChecker, fails_on_another_exit_code) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("echo disk full& exit 3", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "exit code 3: disk full");
}

TEST(CommandChecker, tells_the_command_which_daemon_it_checks) {
    FakePluginHost host{COMMAND_PLUGIN};
    EXPECT_EQ(host.check("echo %SYSPULSE_DAEMON% %SYSPULSE_PID%", 60000).message, "web 4711");
}

TEST(CommandChecker, ends_the_command_at_the_deadline) {
    FakePluginHost host{COMMAND_PLUGIN};
    const Done done = host.check("ping -n 100 127.0.0.1 & pause", 300);
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_THAT(done.message, HasSubstr("timed out after 300 ms"));
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(CommandChecker, completes_a_cancelled_check_once) {
    FakePluginHost host{COMMAND_PLUGIN};
    const sysp_op op = host.start_check("pause", 60000);
    host.cancel_check(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(host.completions(op), 1);
}

}  // namespace
}  // namespace syspulse::testing
