#include "api/server.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "unit/api/server_fixture.hpp"

namespace syspulse::api::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view get_web = "GET /v1/daemons/web HTTP/1.1\r\n\r\n";

TEST_F(ServerTest, endpoint_is_for_its_owner_only) {
    const auto mask = ::umask(0);
    listen();
    ::umask(mask);
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(ServerTest, every_endpoint_reaches_the_service) {
    listen();
    EXPECT_THAT(ask("GET", "/v1/ping"), AllOf(StartsWith("HTTP/1.1 200 OK"), HasSubstr("pong")));
    EXPECT_THAT(ask("GET", "/v1/info"), HasSubstr(R"("total":3)"));
    EXPECT_THAT(ask("GET", "/v1/plugins"), HasSubstr("posix"));
    EXPECT_THAT(ask("GET", "/v1/daemons?tag=t"), HasSubstr(R"([{"id")"));
    EXPECT_THAT(ask("GET", "/v1/daemons/web"), HasSubstr(R"("name":"web")"));
    EXPECT_THAT(ask("GET", "/v1/daemons/web/spec"), HasSubstr("sleep"));
    EXPECT_THAT(ask("POST", "/v1/daemons?replace=1", "{}"), HasSubstr(R"("added":["web"])"));
    EXPECT_THAT(ask("DELETE", "/v1/daemons/web?force=true"), HasSubstr(R"({"removed":"web"})"));
    EXPECT_THAT(ask("POST", "/v1/daemons/web/start"), HasSubstr(R"("state":"running")"));
    EXPECT_THAT(ask("POST", "/v1/daemons/web/stop", R"({"force":true})"), HasSubstr("200 OK"));
    EXPECT_THAT(ask("POST", "/v1/daemons/web/restart"), HasSubstr("200 OK"));
    EXPECT_THAT(ask("POST", "/v1/daemons/web/signal", R"({"signal":"HUP"})"), HasSubstr("SIGHUP"));
    EXPECT_THAT(ask("POST", "/v1/shutdown", R"({"keep_running":true})"), HasSubstr("true"));
    EXPECT_THAT(service_.calls,
                testing::ElementsAre("list tag=t name=", "get web", "spec web", "add 2 replace",
                                     "remove web force", "start web", "stop web force",
                                     "restart web", "signal web 1", "shutdown keep"));
    EXPECT_EQ(service_.last_peer.pid, ::getpid());
    EXPECT_EQ(server_->connection_count(), 0U);
}

TEST_F(ServerTest, errors_of_the_service_become_statuses) {
    listen();
    const std::vector<std::pair<ErrorCode, std::string>> expected{
        {ErrorCode::invalid_argument, "400 "}, {ErrorCode::permission_denied, "403 "},
        {ErrorCode::not_found, "404 "},        {ErrorCode::already_exists, "409 "},
        {ErrorCode::invalid_state, "409 "},    {ErrorCode::timed_out, "504 "},
        {ErrorCode::internal, "500 "},         {ErrorCode::unavailable, "500 "}};
    for (const auto& [code, status] : expected) {
        service_.next_error = Error{code, "because"};
        EXPECT_THAT(ask("POST", "/v1/daemons/web/start"),
                    AllOf(StartsWith("HTTP/1.1 " + status), HasSubstr("because")));
    }
    service_.next_error = Error{ErrorCode::not_found, "no web"};
    EXPECT_THAT(ask("GET", "/v1/daemons/web/logs"), HasSubstr("daemon_not_found"));
    service_.next_error = Error{ErrorCode::invalid_argument, "bad"};
    EXPECT_THAT(ask("POST", "/v1/daemons", "{}"), HasSubstr("invalid_spec"));
}

TEST_F(ServerTest, wrong_methods_and_paths_are_answered) {
    listen();
    EXPECT_THAT(ask("PUT", "/v1/daemons"),
                AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("\r\nAllow: GET, POST\r\n")));
    EXPECT_THAT(ask("GET", "/nothing"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(ask("HEAD", "/v1/ping"), AllOf(StartsWith("HTTP/1.1 405"), EndsWith("\r\n\r\n")));
}

TEST_F(ServerTest, garbage_gets_400_and_is_closed) {
    listen();
    for (const std::string text : {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02",
                                   "GET /v1/ping HTTP/1.1\r\nbad header\r\n\r\n",
                                   "POST /v1/daemons HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
        RawClient client(path_);
        client.send(text);
        EXPECT_TRUE(until_received(client, "HTTP/1.1 400")) << text;
        client.half_close();
        EXPECT_TRUE(until_closed(client));
    }
    EXPECT_TRUE(until([&] { return server_->connection_count() == 0; }));
}

TEST_F(ServerTest, huge_body_is_refused_before_it_is_read) {
    listen();
    RawClient client(path_);
    client.send("POST /v1/daemons HTTP/1.1\r\nContent-Length: 104857600\r\n\r\n");
    const std::string piece(65536, 'x');
    EXPECT_TRUE(until([&] {
        client.send(piece);
        client.drain();
        return client.received.find("HTTP/1.1 413") != std::string::npos;
    }));
    client.half_close();
    EXPECT_TRUE(until_closed(client));
    EXPECT_TRUE(service_.calls.empty());
}

TEST_F(ServerTest, huge_chunked_body_is_refused_at_the_limit) {
    listen({.body_bytes = 100'000});
    RawClient client(path_);
    client.send("POST /v1/daemons HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
    std::string rest;
    EXPECT_TRUE(until([&] {
        if (rest.empty()) rest = chunk;
        rest.erase(0, client.send(rest));
        client.drain();
        return client.received.find("HTTP/1.1 413") != std::string::npos;
    }));
}

TEST_F(ServerTest, endless_header_is_refused) {
    listen();
    RawClient client(path_);
    client.send("GET /v1/ping HTTP/1.1\r\n");
    EXPECT_TRUE(until([&] {
        client.send("X-Header: 0123456789012345678901234567890123456789\r\n");
        client.drain();
        return client.received.find("HTTP/1.1 431") != std::string::npos;
    }));
}

TEST_F(ServerTest, large_body_within_the_limit_arrives_whole) {
    listen();
    RawClient client(path_);
    std::string text = "POST /v1/daemons HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n";
    text.append(5'000'000, ' ');
    EXPECT_TRUE(until([&] {
        text.erase(0, client.send(text));
        client.drain();
        return client.received.find("200 OK") != std::string::npos;
    }));
    EXPECT_EQ(service_.calls.at(0), "add 5000000");
}

TEST_F(ServerTest, waits_with_100_continue_where_asked) {
    listen();
    RawClient client(path_);
    client.send("POST /v1/daemons HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_TRUE(until_received(client, "100 Continue"));
    client.send("{}");
    EXPECT_TRUE(until_received(client, "200 OK"));
}

TEST_F(ServerTest, slow_request_is_cut_although_bytes_keep_coming) {
    listen({.request_deadline = 5ms, .linger_deadline = 5ms});
    RawClient client(path_);
    client.send("G");
    EXPECT_TRUE(until([&] {
        client.send("G");
        return client.drain();
    }));
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 408"));
    EXPECT_TRUE(until([&] { return server_->connection_count() == 0; }));
}

TEST_F(ServerTest, idle_connection_is_closed) {
    listen({.idle_deadline = 5ms});
    RawClient client(path_);
    client.send(get_web);
    EXPECT_TRUE(until_closed(client));
    EXPECT_THAT(client.received, HasSubstr("200 OK"));
}

TEST_F(ServerTest, client_that_reads_nothing_is_cut) {
    service_.list_size = 20'000;
    listen({.write_deadline = 5ms});
    RawClient client(path_);
    client.send("GET /v1/daemons HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until([&] { return service_.calls.size() == 1; }));
    EXPECT_TRUE(until([&] { return server_->connection_count() == 0; }));
    client.drain();
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK"));
    EXPECT_THAT(client.received, Not(EndsWith("]")));
}

TEST_F(ServerTest, pipelined_requests_are_answered_in_order) {
    listen();
    RawClient client(path_);
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += "GET /v1/daemons/d" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
    }
    text += "GET /v1/ping HTTP/1.1\r\nConnection: close\r\n\r\n";
    EXPECT_TRUE(until([&] {
        text.erase(0, client.send(text));
        return client.drain();
    }));
    std::size_t at = 0;
    for (int i = 0; i < 1000; ++i) {
        at = client.received.find("\"name\":\"d" + std::to_string(i) + "\"", at);
        ASSERT_NE(at, std::string::npos) << i;
    }
    EXPECT_THAT(client.received, HasSubstr("pong"));
}

TEST_F(ServerTest, a_request_sent_ahead_is_carried_out_once) {
    listen();
    RawClient client(path_);
    client.send("POST /v1/daemons/web/start HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"wait\":true}");
    EXPECT_TRUE(until([&] { return service_.held.size() == 1; }));
    client.send("GET /v1/daemons/first HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until([&] { return client.is_read(); }));
    service_.held[0](FakeService::view("web"));
    EXPECT_TRUE(until_received(client, "\"name\":\"first\""));
    client.received.clear();
    client.send("GET /v1/daemons/other HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(client, "\"name\":"));
    EXPECT_THAT(client.received, HasSubstr("\"name\":\"other\""));
}

TEST_F(ServerTest, http_1_0_is_answered_without_chunks_and_closed) {
    listen();
    service_.stream->pending = "one\ntwo\n";
    RawClient client(path_);
    client.send("GET /v1/daemons/web/logs HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(until_closed(client));
    EXPECT_THAT(client.received, AllOf(EndsWith("\r\n\r\none\ntwo\n"), Not(HasSubstr("chunked"))));
}

TEST_F(ServerTest, half_closing_client_still_gets_its_answer) {
    listen();
    RawClient client(path_);
    client.send(R"(POST /v1/daemons/web/start HTTP/1.1)"
                "\r\nContent-Length: 13\r\n\r\n"
                R"({"wait":true})");
    client.half_close();
    EXPECT_TRUE(until([&] { return service_.held.size() == 1; }));
    service_.held[0](FakeService::view("web"));
    EXPECT_TRUE(until_closed(client));
    EXPECT_THAT(client.received, HasSubstr("200 OK"));
}

TEST_F(ServerTest, answer_for_a_client_that_vanished_is_dropped) {
    listen();
    RawClient client(path_);
    client.send("POST /v1/daemons/web/start HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"wait\":true}");
    EXPECT_TRUE(until([&] { return service_.held.size() == 1; }));
    client.vanish();
    EXPECT_TRUE(until([&] { return server_->connection_count() == 0; }));
    service_.held[0](FakeService::view("web"));
    service_.held[0](FakeService::view("web"));
}

TEST_F(ServerTest, second_answer_to_one_request_is_dropped) {
    listen();
    RawClient client(path_);
    client.send("POST /v1/daemons/web/start HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"wait\":true}");
    EXPECT_TRUE(until([&] { return service_.held.size() == 1; }));
    service_.held[0](FakeService::view("web"));
    service_.held[0](FakeService::view("twice"));
    client.send("GET /v1/ping HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(client, "pong"));
    EXPECT_THAT(client.received, Not(HasSubstr("twice")));
}

TEST_F(ServerTest, one_slow_client_does_not_delay_fifty_others) {
    listen();
    RawClient slow(path_);
    slow.send("GET /v1/pi");
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<RawClient>(path_));
        clients.back()->send(get_web);
    }
    for (auto& client : clients) EXPECT_TRUE(until_received(*client, "200 OK"));
    EXPECT_EQ(server_->connection_count(), 51U);
    slow.send("ng HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(slow, "pong"));
}

TEST_F(ServerTest, connections_beyond_the_limit_get_503) {
    listen({.connections = 2});
    RawClient first(path_);
    RawClient second(path_);
    RawClient third(path_);
    EXPECT_TRUE(until_closed(third));
    EXPECT_THAT(third.received, StartsWith("HTTP/1.1 503"));
    first.vanish();
    EXPECT_TRUE(until([&] { return server_->connection_count() == 1; }));
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
}

TEST_F(ServerTest, a_half_sent_request_gives_way_when_the_connections_run_out) {
    ServerLimits limits;
    limits.connections = 2;
    limits.patience = std::chrono::milliseconds{0};
    listen(std::move(limits));
    RawClient busy(path_);
    busy.send("POST /v1/daemons/web/start HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"wait\":true}");
    EXPECT_TRUE(until([&] { return service_.held.size() == 1; }));
    RawClient slow(path_);
    slow.send("GET /v1/pi");
    EXPECT_TRUE(until([&] { return server_->connection_count() == 2; }));
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
    EXPECT_TRUE(until_closed(slow));
    service_.held.front()(FakeService::view("web"));
    EXPECT_TRUE(until_received(busy, "200 OK"));
}

TEST_F(ServerTest, strangers_get_403) {
    ServerLimits limits;
    limits.admit = [](const Peer&) { return false; };
    listen(std::move(limits));
    RawClient client(path_);
    EXPECT_TRUE(until_closed(client));
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 403"));
}

TEST_F(ServerTest, second_server_on_the_same_path_is_refused) {
    listen();
    const auto second = Server::listen(*loop_, path_, service_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::already_exists);
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
}

TEST_F(ServerTest, stale_socket_file_is_replaced_and_other_files_are_not) {
    {
        auto endpoint = platform::bind_endpoint(path_);
        ASSERT_TRUE(endpoint);
    }
    ASSERT_TRUE(std::filesystem::exists(path_));
    listen();
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
    std::filesystem::create_directory(path_);
    EXPECT_FALSE(Server::listen(*loop_, path_, service_));
}

TEST_F(ServerTest, a_file_that_is_removed_or_moved_is_made_anew) {
    listen();
    RawClient before(path_);
    std::filesystem::remove(path_);
    EXPECT_TRUE(until([&] { return std::filesystem::exists(path_); }));
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
    std::filesystem::rename(path_, path_ + ".old");
    EXPECT_TRUE(until([&] { return std::filesystem::exists(path_); }));
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
    before.send("GET /v1/ping HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(before, "pong"));
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_TRUE(std::filesystem::exists(path_ + ".old"));
}

TEST_F(ServerTest, a_file_that_cannot_be_made_anew_ends_nothing) {
    listen();
    RawClient before(path_);
    EXPECT_TRUE(until([&] { return server_->connection_count() == 1; }));
    std::ofstream(directory_ + "/other").put('x');
    std::filesystem::rename(directory_ + "/other", path_);
    before.send("GET /v1/ping HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(before, "pong"));
    server_.reset();
    EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(ServerTest, path_that_does_not_fit_is_refused) {
    const auto server = Server::listen(*loop_, directory_ + std::string(120, 'x'), service_);
    ASSERT_FALSE(server);
    EXPECT_THAT(server.error().message, HasSubstr("107 bytes"));
}

TEST_F(ServerTest, stopping_lets_the_answer_under_way_finish) {
    listen();
    RawClient idle(path_);
    RawClient busy(path_);
    busy.send("POST /v1/daemons/web/start HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"wait\":true}");
    EXPECT_TRUE(until([&] { return service_.held.size() == 1; }));
    server_->stop_accepting();
    EXPECT_TRUE(until_closed(idle));
    EXPECT_FALSE(RawClient(path_).connected());
    service_.held[0](FakeService::view("web"));
    EXPECT_TRUE(until_closed(busy));
    EXPECT_THAT(busy.received, AllOf(HasSubstr("200 OK"), HasSubstr("Connection: close")));
}

}  // namespace
}  // namespace syspulse::api::test
