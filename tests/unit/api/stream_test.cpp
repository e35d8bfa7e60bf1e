// Answers that are streams: chunks, back-pressure, and clients that leave in the middle.
#include <gmock/gmock.h>

#include "unit/api/server_fixture.hpp"

namespace syspulse::api::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

constexpr std::string_view follow = "GET /v1/daemons/web/logs?follow=true HTTP/1.1\r\n\r\n";

class StreamTest : public ServerTest {
  protected:
    void publish(std::string text) {
        service_.stream->pending += text;
        service_.stream->readable();
    }
};

TEST_F(StreamTest, tail_is_chunked_and_the_connection_is_kept) {
    listen();
    service_.stream->pending = "hello\n";
    RawClient client(path_);
    client.send("GET /v1/daemons/web/logs HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(client, "6\r\nhello\n\r\n0\r\n\r\n"));
    client.send("GET /v1/ping HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until_received(client, "pong"));
    EXPECT_FALSE(service_.stream->alive);
}

TEST_F(StreamTest, a_client_that_sends_nothing_more_gets_all_but_what_it_would_follow) {
    listen();
    for (const bool before_the_answer : {true, false}) {
        RawClient client(path_);
        service_.stream->pending = "hello\n";
        service_.stream->end = false;
        service_.stream->stays = true;  // Its end is not there yet.
        client.send("GET /v1/daemons/web/logs HTTP/1.1\r\n\r\n");
        if (before_the_answer) client.half_close();
        EXPECT_TRUE(until_received(client, "hello"));
        if (!before_the_answer) client.half_close();
        EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
        service_.stream->end = true;
        service_.stream->readable();
        EXPECT_TRUE(until_received(client, "0\r\n\r\n"));
        EXPECT_TRUE(until_closed(client));
    }
    RawClient follower(path_);
    follower.send(follow);
    EXPECT_TRUE(until_received(follower, "chunked"));
    follower.half_close();
    EXPECT_TRUE(until_closed(follower));
}

TEST_F(StreamTest, followed_lines_come_when_they_happen) {
    listen();
    RawClient client(path_);
    client.send(follow);
    EXPECT_TRUE(until_received(client, "chunked"));
    publish("one\n");
    EXPECT_TRUE(until_received(client, "4\r\none\n\r\n"));
    publish("two\n");
    publish("three\n");
    EXPECT_TRUE(until_received(client, "two\nthree\n"));
    service_.stream->end = true;
    service_.stream->readable();
    EXPECT_TRUE(until_received(client, "0\r\n\r\n"));
}

TEST_F(StreamTest, followers_beyond_their_limit_get_503_and_plain_requests_are_served) {
    ServerLimits limits;
    limits.streams = 1;
    listen(std::move(limits));
    RawClient first(path_);
    first.send(follow);
    EXPECT_TRUE(until_received(first, "chunked"));
    RawClient second(path_);
    second.send(follow);
    EXPECT_TRUE(until_received(second, "HTTP/1.1 503"));
    EXPECT_TRUE(until_received(second, "1 clients follow logs or events already"));
    EXPECT_THAT(ask("GET", "/v1/daemons/web/logs"), HasSubstr("200 OK"));
    first.vanish();
    EXPECT_TRUE(until([&] { return server_->connection_count() == 1; }));
    second.send(follow);
    EXPECT_TRUE(until_received(second, "chunked"));
}

TEST_F(StreamTest, vanishing_follower_is_cleaned_up_at_once) {
    listen();
    RawClient client(path_);
    client.send(follow);
    EXPECT_TRUE(until_received(client, "chunked"));
    EXPECT_TRUE(service_.stream->alive);
    client.vanish();
    EXPECT_TRUE(until([&] { return server_->connection_count() == 0; }));
    EXPECT_FALSE(service_.stream->alive);
    service_.stream->readable();
    EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
}

TEST_F(StreamTest, a_client_that_leaves_before_the_answer_gives_it_up) {
    listen();
    service_.hold_logs = true;
    RawClient client(path_);
    client.send("GET /v1/daemons/web/logs HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(until([&] { return service_.given_up != nullptr; }));
    EXPECT_FALSE(*service_.given_up);
    client.vanish();
    EXPECT_TRUE(until([&] { return service_.given_up->load(); }));
}

TEST_F(StreamTest, slow_reader_holds_the_stream_back_and_not_the_others) {
    listen();
    service_.stream->endless = true;
    RawClient client(path_);
    client.send(follow);
    EXPECT_TRUE(until([&] { return service_.stream->pulled > 0; }));
    for (int i = 0; i < 20; ++i) EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
    const std::size_t pulled = service_.stream->pulled;
    for (int i = 0; i < 20; ++i) EXPECT_THAT(ask("GET", "/v1/ping"), HasSubstr("pong"));
    EXPECT_EQ(service_.stream->pulled, pulled);
    EXPECT_LT(pulled, 4U * 1024 * 1024);
    EXPECT_TRUE(until([&] {
        client.drain();
        return service_.stream->pulled > 2 * pulled;
    }));
}

TEST_F(StreamTest, destroying_the_server_ends_its_streams) {
    listen();
    RawClient client(path_);
    client.send(follow);
    EXPECT_TRUE(until_received(client, "chunked"));
    server_.reset();
    EXPECT_FALSE(service_.stream->alive);
    service_.stream->readable();
    EXPECT_TRUE(until_closed(client));
}

TEST_F(StreamTest, events_are_json_one_a_line) {
    listen();
    const auto answer = ask("GET", "/v1/events?daemon=web");
    EXPECT_THAT(answer, AllOf(HasSubstr("application/x-ndjson"), HasSubstr("null}\n{\"id\":7"),
                              EndsWith("0\r\n\r\n")));
}

}  // namespace
}  // namespace syspulse::api::test
