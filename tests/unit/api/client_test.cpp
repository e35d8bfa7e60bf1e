#include "api/client.hpp"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "unit/api/server_fixture.hpp"

namespace syspulse::api::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// The client blocks, so here the loop runs on a thread of its own.
class ClientTest : public ServerTest {
  protected:
    ~ClientTest() override { stop(); }

    void run(ServerLimits limits = {}) {
        listen(std::move(limits));
        thread_ = std::thread([this] { loop_->run(); });
    }
    // As if the manager had been started again.
    void reopen() {
        std::promise<void> done;
        loop_->post([&] {
            server_.reset();
            listen();
            done.set_value();
        });
        done.get_future().wait();
    }
    void stop() {
        if (!thread_.joinable()) return;
        loop_->stop();
        thread_.join();
    }

    std::thread thread_;
};

TEST_F(ClientTest, asks_many_things_over_one_connection) {
    run();
    Client client(path_);
    for (int i = 0; i < 100; ++i) {
        const auto response = client.request("GET", "/v1/daemons/web");
        ASSERT_TRUE(response) << response.error().message;
        EXPECT_EQ(response->status, 200);
        EXPECT_THAT(response->body, HasSubstr("\"web\""));
    }
    const auto posted = client.request("POST", "/v1/daemons/web/stop", R"({"force":true})", 60s);
    ASSERT_TRUE(posted);
    EXPECT_EQ(posted->status, 200);
    const auto count = client.request("POST", "/v1/daemons/web/start", {}, 60s);
    ASSERT_TRUE(count);
    stop();
    EXPECT_EQ(server_->connection_count(), 1U);
}

TEST_F(ClientTest, answers_that_say_no_are_answers) {
    run();
    Client client(path_);
    const auto response = client.request("GET", "/v1/daemons/" + percent_encode("a b"));
    ASSERT_TRUE(response);
    const auto error = decode_error(*response);
    EXPECT_EQ(error.code, 404);
    EXPECT_EQ(error.kind, "daemon_not_found");
    EXPECT_THAT(error.message, HasSubstr("\"a b\""));
}

TEST_F(ClientTest, hears_why_a_huge_body_was_refused) {
    run();
    Client client(path_);
    const auto response = client.request("POST", "/v1/daemons", std::string(100'000'000, 'x'));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 413);
    EXPECT_TRUE(client.request("GET", "/v1/ping"));
}

TEST_F(ClientTest, connection_closed_in_between_is_opened_again) {
    run();
    Client client(path_);
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(client.request("GET", "/v1/ping"));
        reopen();
    }
}

TEST_F(ClientTest, absent_manager_is_unavailable_and_says_how_to_start_one) {
    Client client(path_, "/some/dir");
    const auto response = client.request("GET", "/v1/ping");
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::unavailable);
    EXPECT_EQ(response.error().message,
              "no manager is running on /some/dir; start one with: syspulse daemon");
}

TEST_F(ClientTest, answer_that_does_not_come_times_out) {
    run();
    Client client(path_);
    const auto response = client.request("POST", "/v1/daemons/web/start", R"({"wait":true})", 20ms);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::timed_out);
}

TEST_F(ClientTest, streams_until_the_end_or_until_enough) {
    service_.stream->pending = std::string(1'000'000, 'a');
    run();
    Client client(path_);
    std::size_t bytes = 0;
    const auto all = client.stream("/v1/daemons/web/logs", [&](std::string_view piece) {
        bytes += piece.size();
        return true;
    });
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_EQ(bytes, 1'000'000U);
    const auto some = client.stream("/v1/events", [](std::string_view) { return false; });
    ASSERT_TRUE(some);
    const auto none = client.stream("/v1/daemons/-/logs", [](std::string_view) { return true; });
    ASSERT_TRUE(none);
    EXPECT_EQ(none->status, 404);
    EXPECT_THAT(none->body, HasSubstr("daemon_not_found"));
}

TEST_F(ClientTest, stream_of_a_manager_that_dies_is_unavailable) {
    run();
    Client client(path_);
    std::thread killer([this] {
        loop_->post([this] {
            server_.reset();
            loop_->stop();
        });
    });
    const auto cut =
        client.stream("/v1/daemons/web/logs?follow=1", [](std::string_view) { return true; });
    killer.join();
    stop();
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::unavailable);
}

TEST_F(ClientTest, refuses_targets_that_would_split_the_request) {
    Client client(path_);
    EXPECT_EQ(client.request("GET", "/v1/ping HTTP/1.1\r\nX: y").error().code,
              ErrorCode::invalid_argument);
}

TEST(DecodeError, understands_bodies_without_an_error_object) {
    EXPECT_EQ(decode_error({502, "oops"}).message, "oops");
    EXPECT_EQ(decode_error({502, R"({"error":5})"}).code, 502);
    EXPECT_EQ(decode_error({404, R"({"error":{"code":"x","kind":1}})"}).code, 404);
}

}  // namespace
}  // namespace syspulse::api::test
