// The channel to a process of ours, with a peer that the test plays.
#include "platform/peer_channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "platform/event_loop.hpp"

namespace syspulse::platform {
namespace {

constexpr NativeHandle nobodys = 1 << 20;

class PeerChannelTest : public testing::Test {
  protected:
    void SetUp() override {
        std::array<int, 2> ends;
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        peer_ = ends[1];
        auto channel = open_peer_channel(*loop_, OwnedHandle(ends[0]),
                                         {[](std::string_view, std::vector<OwnedHandle>) {},
                                          [this] {
                                              ++closed_;
                                              loop_->stop();
                                          }});
        ASSERT_TRUE(channel);
        channel_ = std::move(*channel);
    }
    void TearDown() override { ::close(peer_); }

    // Ends with the channel, or after far longer than that takes.
    void run() {
        loop_->start_timer(clock_->now().mono + std::chrono::seconds{20},
                           [this] { loop_->stop(); });
        loop_->run();
    }

    std::unique_ptr<Clock> clock_ = make_system_clock();
    std::unique_ptr<EventLoop> loop_ = std::move(*make_event_loop(*clock_));
    std::unique_ptr<PeerChannel> channel_;
    int peer_ = -1;
    int closed_ = 0;
};

TEST_F(PeerChannelTest, closes_when_a_handle_cannot_be_sent) {
    channel_->send("x", std::array{nobodys});
    run();
    EXPECT_EQ(closed_, 1);
    char byte = 0;
    EXPECT_EQ(::read(peer_, &byte, 1), 0) << "the peer sees the end, too";
}

TEST_F(PeerChannelTest, closes_when_a_handle_cannot_be_kept_for_later) {
    while (channel_->waiting_bytes() == 0) channel_->send(std::string(65536, 'x'), {});
    channel_->send("x", std::array{nobodys});
    EXPECT_EQ(channel_->waiting_bytes(), 0U);
    channel_->send("this has nowhere to go", {});
    run();
    EXPECT_EQ(closed_, 1);
}

}  // namespace
}  // namespace syspulse::platform
