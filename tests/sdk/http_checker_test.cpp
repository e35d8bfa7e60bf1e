// The checker `http` through the C ABI, against a server of a few lines.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "support/fake_plugin_host.hpp"

namespace syspulse::testing {
namespace {

// Answers every connection with the same bytes; an empty answer means silence.
class Server {
  public:
    explicit Server(std::string answer) : answer_(std::move(answer)) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(fd_, raw, size), 0);
        EXPECT_EQ(::listen(fd_, 16), 0);
        EXPECT_EQ(::getsockname(fd_, raw, &size), 0);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
        if (!answer_.empty()) thread_ = std::thread([this] { serve(); });
    }
    ~Server() {
        ::shutdown(fd_, SHUT_RDWR);  // Wakes the accept.
        if (thread_.joinable()) thread_.join();
        ::close(fd_);
    }
    const std::string& url() const { return url_; }

  private:
    void serve() {
        for (int client; (client = ::accept(fd_, nullptr, nullptr)) >= 0;) {
            std::array<char, 4096> request;
            (void)!::read(client, request.data(), request.size());
            (void)!::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
            ::close(client);
        }
    }

    std::string answer_;
    std::string url_;
    int fd_ = -1;
    std::thread thread_;
};

std::string answer(const std::string& status, const std::string& body,
                   const std::string& extra = "") {
    return "HTTP/1.1 " + status + "\r\n" + extra +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Options with(const Options& changes = {}) {
    Options options = {{"/method", "GET"},
                       {"/body_contains", ""},
                       {"/body_regex", ""},
                       {"/tls_verify", "true"},
                       {"/ca_file", ""},
                       {"/unix_socket", ""},
                       {"/follow_redirects", "false"}};
    for (const auto& [key, value] : changes) options[key] = value;
    return options;
}

Done check(const Server& server, const Options& options = with()) {
    FakePluginHost host{HTTP_PLUGIN, options};
    Done done = host.check(server.url(), 60000);
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
    return done;
}

TEST(HttpChecker, passes_on_2xx_and_fails_on_others) {
    EXPECT_EQ(check(Server{answer("204 No Content", "")}).outcome, SYSP_CHECK_PASS);
    const Done done = check(Server{answer("503 Busy", "")});
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "HTTP 503 (expected 2xx)");
    EXPECT_EQ(check(Server{answer("302 Found", "", "Location: /\r\n")}).message,
              "HTTP 302 (expected 2xx)");
}

TEST(HttpChecker, passes_on_the_expected_status_only) {
    const auto options = with({{"/expect_status", "#1"}, {"/expect_status/0", "401"}});
    EXPECT_EQ(check(Server{answer("401 No", "")}, options).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(check(Server{answer("200 OK", "")}, options).message, "HTTP 200 (expected 401)");
}

TEST(HttpChecker, judges_the_body) {
    const Server server{answer("200 OK", "state: green")};
    EXPECT_EQ(check(server, with({{"/body_contains", "green"}})).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(check(server, with({{"/body_contains", "red"}})).message,
              "HTTP 200, but the body lacks 'red'");
    EXPECT_EQ(check(server, with({{"/body_regex", "gr[ea]+en$"}})).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(check(server, with({{"/body_regex", "^green"}})).outcome, SYSP_CHECK_FAIL);
}

TEST(HttpChecker, a_hostile_pattern_and_body_take_no_time_and_no_stack) {
    std::string body(60001, 'a');
    body.back() = '!';
    const Server server{answer("200 OK", body)};
    for (const char* pattern : {"(a+)+$", "(a|aa)+$", "(.*a){20}$", "(a|b|ab)*c"}) {
        EXPECT_EQ(check(server, with({{"/body_regex", pattern}})).message,
                  "HTTP 200, but the body does not match body_regex")
            << pattern;
    }
    FakePluginHost bomb{HTTP_PLUGIN, with({{"/body_regex", "((a{100}){100}){100}"}})};
    EXPECT_EQ(bomb.create_status(), SYSP_E_CONFIG);
}

TEST(HttpChecker, stops_reading_a_huge_body) {
    EXPECT_EQ(check(Server{answer("200 OK", std::string(1 << 20, 'x'))}).outcome, SYSP_CHECK_PASS);
}

TEST(HttpChecker, fails_when_nobody_listens_or_the_answer_is_not_http) {
    FakePluginHost host{HTTP_PLUGIN, with()};
    EXPECT_EQ(host.check("http://127.0.0.1:1/", 60000).outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(check(Server{"garbage\r\n"}).outcome, SYSP_CHECK_FAIL);
}

TEST(HttpChecker, fails_at_its_deadline_and_releases_everything) {
    FakePluginHost host{HTTP_PLUGIN, with()};
    const Server silent{""};
    EXPECT_EQ(host.check(silent.url(), 100).message, "timed out after 100 ms");
    const sysp_op op = host.start_check(silent.url(), 60000);
    host.cancel_check(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(host.completions(op), 1);
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

TEST(HttpChecker, refuses_other_protocols_and_bad_options) {
    FakePluginHost host{HTTP_PLUGIN, with()};
    EXPECT_EQ(host.check("file:///etc/passwd", 60000).status, SYSP_E_CONFIG);
    EXPECT_EQ(host.check("", 60000).status, SYSP_E_CONFIG);
    FakePluginHost bad{HTTP_PLUGIN, with({{"/body_regex", "("}})};
    EXPECT_EQ(bad.create_status(), SYSP_E_CONFIG);
}

TEST(HttpChecker, says_at_each_check_that_libcurl_is_not_installed_and_loads_without_it) {
    FakePluginHost host{HTTP_ALONE_PLUGIN, with()};
    ASSERT_EQ(host.create_status(), SYSP_OK);
    for (int i = 0; i < 2; ++i) {
        const Done done = host.check("http://127.0.0.1:1/", 60000);
        EXPECT_EQ(done.status, SYSP_E_UNSUPPORTED);
        EXPECT_EQ(done.message.rfind("cannot load libcurl: libcurl-of-nobody.so.4: ", 0), 0U)
            << done.message;
        EXPECT_NE(done.message.find("; install the package libcurl4"), std::string::npos)
            << done.message;
    }
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

}  // namespace
}  // namespace syspulse::testing
