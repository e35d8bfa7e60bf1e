// The checker `http` through the C ABI, against servers of a few lines.
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

#include "support/fake_plugin_host.hpp"
#include "support/http_server.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

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

Done check(const HttpServer& server, const Options& options = with()) {
    FakePluginHost host{HTTP_PLUGIN, options};
    Done done = host.check(server.url(), 60000);
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
    return done;
}

TEST(HttpChecker, passes_on_2xx_and_fails_on_others) {
    EXPECT_EQ(check(HttpServer{http_answer("204 No Content", "")}).outcome, SYSP_CHECK_PASS);
    const Done done = check(HttpServer{http_answer("503 Busy", "")});
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(done.message, "HTTP 503 (expected 2xx)");
    EXPECT_EQ(check(HttpServer{http_answer("302 Found", "", "Location: /\r\n")}).message,
              "HTTP 302 (expected 2xx)");
}

TEST(HttpChecker, passes_on_the_expected_status_only) {
    const auto options = with({{"/expect_status", "#1"}, {"/expect_status/0", "401"}});
    EXPECT_EQ(check(HttpServer{http_answer("401 No", "")}, options).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(check(HttpServer{http_answer("200 OK", "")}, options).message,
              "HTTP 200 (expected 401)");
}

TEST(HttpChecker, judges_the_body) {
    const HttpServer server{http_answer("200 OK", "state: green")};
    EXPECT_EQ(check(server, with({{"/body_contains", "green"}})).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(check(server, with({{"/body_contains", "red"}})).message,
              "HTTP 200, but the body lacks 'red'");
    EXPECT_EQ(check(server, with({{"/body_regex", "gr[ea]+en$"}})).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(check(server, with({{"/body_regex", "^green"}})).outcome, SYSP_CHECK_FAIL);
}

TEST(HttpChecker, a_hostile_pattern_and_body_take_no_time_and_no_stack) {
    std::string body(60001, 'a');
    body.back() = '!';
    const HttpServer server{http_answer("200 OK", body)};
    for (const char* pattern : {"(a+)+$", "(a|aa)+$", "(.*a){20}$", "(a|b|ab)*c"}) {
        EXPECT_EQ(check(server, with({{"/body_regex", pattern}})).message,
                  "HTTP 200, but the body does not match body_regex")
            << pattern;
    }
    FakePluginHost bomb{HTTP_PLUGIN, with({{"/body_regex", "((a{100}){100}){100}"}})};
    EXPECT_EQ(bomb.create_status(), SYSP_E_CONFIG);
}

TEST(HttpChecker, stops_reading_a_huge_body) {
    EXPECT_EQ(check(HttpServer{http_answer("200 OK", std::string(1 << 20, 'x'))}).outcome,
              SYSP_CHECK_PASS);
}

TEST(HttpChecker, fails_when_nobody_listens_or_the_answer_is_not_http) {
    FakePluginHost host{HTTP_PLUGIN, with()};
    EXPECT_EQ(host.check("http://127.0.0.1:1/", 60000).outcome, SYSP_CHECK_FAIL);
    EXPECT_EQ(check(HttpServer{"garbage\r\n"}).outcome, SYSP_CHECK_FAIL);
}

TEST(HttpChecker, fails_at_its_deadline_and_releases_everything) {
    FakePluginHost host{HTTP_PLUGIN, with()};
    const HttpServer silent{""};
    EXPECT_EQ(host.check(silent.url(), 100).message, "timed out after 100 ms");
    const sysp_op op = host.start_check(silent.url(), 60000);
    host.cancel_check(op);
    EXPECT_EQ(host.result(op)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(host.completions(op), 1);
    EXPECT_EQ(host.watch_count() + host.timer_count(), 0U);
}

// Whether a file was opened since it was last asked.
class Opened {
  public:
    explicit Opened(const std::string& path) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        EXPECT_GE(::inotify_add_watch(fd_, path.c_str(), IN_OPEN), 0) << path;
    }
    ~Opened() { ::close(fd_); }
    bool again() {
        alignas(inotify_event) std::array<char, 4096> events;
        return ::read(fd_, events.data(), events.size()) > 0;
    }

  private:
    int fd_;
};

TEST(HttpChecker, trusts_the_ca_file_only) {
    const test::TemporaryDirectory directory;
    const std::string ours = (directory.path() / "ours.pem").string();
    const std::string another = (directory.path() / "another.pem").string();
    const TlsIdentity identity;
    identity.write(ours);
    TlsIdentity{}.write(another);
    const HttpServer server{http_answer("200 OK", ""), identity};
    EXPECT_EQ(check(server, with({{"/ca_file", ours}})).outcome, SYSP_CHECK_PASS);
    for (const Options& options : {with({{"/ca_file", another}}), with()}) {
        const Done done = check(server, options);
        EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
        EXPECT_NE(done.message.find("certificate"), std::string::npos) << done.message;
    }
}

TEST(HttpChecker, takes_any_certificate_without_tls_verify) {
    const TlsIdentity identity;
    const HttpServer server{http_answer("200 OK", ""), identity};
    const Done done = check(server, with({{"/tls_verify", "false"}}));
    EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
}

TEST(HttpChecker, asks_a_unix_socket) {
    const test::TemporaryDirectory directory;
    const std::string path = (directory.path() / "s.sock").string();
    const auto server = HttpServer::at(path, http_answer("200 OK", ""));
    FakePluginHost host{HTTP_PLUGIN, with({{"/unix_socket", path}})};
    const Done done = host.check("http://web/health", 60000);
    EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
    EXPECT_EQ(server->request().find("GET /health HTTP/1.1\r\nHost: web\r\n"), 0U)
        << server->request();
}

TEST(HttpChecker, follows_redirects_where_asked) {
    const HttpServer server{[](const std::string& request) {
        const bool first = request.find("GET / ") == 0;
        return first ? http_answer("302 Found", "", "Location: /there\r\n")
                     : http_answer("200 OK", "");
    }};
    EXPECT_EQ(check(server, with({{"/follow_redirects", "true"}})).outcome, SYSP_CHECK_PASS);
    EXPECT_EQ(server.request().find("GET /there "), 0U) << server.request();
    EXPECT_EQ(check(server).message, "HTTP 302 (expected 2xx)");
    const HttpServer circle{http_answer("302 Found", "", "Location: /\r\n")};
    const Done done = check(circle, with({{"/follow_redirects", "true"}}));
    EXPECT_EQ(done.outcome, SYSP_CHECK_FAIL);
    EXPECT_NE(done.message.find("redirects"), std::string::npos) << done.message;
}

TEST(HttpChecker, sends_method_and_headers) {
    const HttpServer server{http_answer("200 OK", "")};
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "OPTIONS"}) {
        const Done done = check(
            server, with({{"/method", method}, {"/headers", R"({"X-Token":"t-1","Host":"web"})"}}));
        EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << method << ": " << done.message;
        EXPECT_EQ(server.request().find(std::string(method) + " / HTTP/1.1\r\n"), 0U);
        EXPECT_NE(server.request().find("\r\nX-Token: t-1\r\n"), std::string::npos);
        EXPECT_NE(server.request().find("\r\nHost: web\r\n"), std::string::npos);
    }
    FakePluginHost smuggler{HTTP_PLUGIN, with({{"/headers", R"({"X":"a\r\nY: b"})"}})};
    EXPECT_EQ(smuggler.create_status(), SYSP_E_CONFIG);
}

TEST(HttpChecker, keeps_headers_secret) {
    const FakePluginHost host{HTTP_PLUGIN, with()};
    const std::string schema = host.kind().config_schema;
    const auto headers = schema.find("\"headers\"");
    const auto secret = schema.find("\"x-syspulse-secret\":true", headers);
    EXPECT_LT(secret, schema.find("}", headers)) << schema;
}

TEST(HttpChecker, reads_a_ca_file_once_for_all_checks_of_all_daemons) {
    const test::TemporaryDirectory directory;
    const std::string ca_file = (directory.path() / "ca.pem").string();
    const TlsIdentity identity;
    identity.write(ca_file);
    const HttpServer server{http_answer("200 OK", ""), identity};
    FakePluginHost one{HTTP_PLUGIN, with({{"/ca_file", ca_file}})};
    FakePluginHost other{HTTP_PLUGIN, with({{"/ca_file", ca_file}})};
    Opened opened{ca_file};
    EXPECT_EQ(one.check(server.url(), 60000).outcome, SYSP_CHECK_PASS);
    EXPECT_TRUE(opened.again());
    for (FakePluginHost* daemon : {&one, &other}) {
        const Done done = daemon->check(server.url(), 60000);
        EXPECT_EQ(done.outcome, SYSP_CHECK_PASS) << done.message;
        EXPECT_FALSE(opened.again());
    }
}

TEST(HttpChecker, a_check_goes_on_when_another_daemon_goes) {
    const HttpServer silent{""};
    const HttpServer server{http_answer("200 OK", "")};
    FakePluginHost stays{HTTP_PLUGIN, with()};
    FakePluginHost goes{HTTP_PLUGIN, with()};
    const sysp_op lost = goes.start_check(silent.url(), 60000);
    // Begun while libcurl's timer is on the loop of the other.
    const sysp_op op = stays.start_check(server.url(), 60000);
    goes.recreate();
    EXPECT_EQ(goes.result(lost)->status, SYSP_E_CANCELLED);
    EXPECT_EQ(goes.watch_count() + goes.timer_count(), 0U);
    EXPECT_TRUE(stays.run_until([&] { return stays.result(op).has_value(); }));
    EXPECT_EQ(stays.result(op)->outcome, SYSP_CHECK_PASS) << stays.result(op)->message;
    EXPECT_EQ(stays.watch_count() + stays.timer_count(), 0U);
}

TEST(HttpChecker, refuses_other_protocols_and_bad_options) {
    FakePluginHost host{HTTP_PLUGIN, with()};
    EXPECT_EQ(host.check("file:///etc/passwd", 60000).status, SYSP_E_CONFIG);
    EXPECT_EQ(host.check("", 60000).status, SYSP_E_CONFIG);
    FakePluginHost bad{HTTP_PLUGIN, with({{"/body_regex", "("}})};
    EXPECT_EQ(bad.create_status(), SYSP_E_CONFIG);
}

// The plugin alone has no http-regex.so beside the folder that it lies in.
TEST(HttpChecker, needs_its_library_for_regular_expressions_only) {
    FakePluginHost without{HTTP_ALONE_PLUGIN, with()};
    EXPECT_EQ(without.create_status(), SYSP_OK);
    FakePluginHost with_one{HTTP_ALONE_PLUGIN, with({{"/body_regex", "a"}})};
    EXPECT_EQ(with_one.create_status(), SYSP_E_UNSUPPORTED);
}

// What stops a plugin from being loaded stops what it loads itself.
TEST(HttpChecker, loads_no_library_that_others_could_have_written) {
    namespace fs = std::filesystem;
    const test::TemporaryDirectory directory;
    const fs::path plugins = directory.path() / "plugins";
    const fs::path library = directory.path() / "http-regex.so";
    fs::create_directory(plugins);
    fs::copy(HTTP_PLUGIN, plugins / "http.so");
    fs::copy(fs::path(HTTP_PLUGIN).parent_path() / "../http-regex.so", library);
    const auto refused = [&](const std::string& why) {
        FakePluginHost host{(plugins / "http.so").string(), with({{"/body_regex", "a"}})};
        EXPECT_EQ(host.create_status(), SYSP_E_DENIED) << why;
        const std::string told = host.create_message();
        EXPECT_NE(told.find("http-regex.so: " + why), std::string::npos) << told;
    };
    for (const mode_t mode : {0757U, 0775U}) {
        ASSERT_EQ(::chmod(library.c_str(), mode), 0);
        refused("group or others may write it; run chmod go-w on it");
    }
    ASSERT_EQ(::chmod(library.c_str(), 0755), 0);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(library.c_str(), 12345, 0), 0);
        refused("it belongs to user 12345, expected root or user 0; change its owner");
        ASSERT_EQ(::chown(library.c_str(), 0, 0), 0);
    }
    fs::rename(library, directory.path() / "elsewhere.so");
    fs::create_symlink("elsewhere.so", library);
    refused("it is not a regular file; install syspulse again");
    fs::rename(directory.path() / "elsewhere.so", library);
    FakePluginHost host{(plugins / "http.so").string(), with({{"/body_regex", "a"}})};
    EXPECT_EQ(host.create_status(), SYSP_OK) << host.create_message();
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
