#include "plugin_host/isolation/host_session.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "plugin_host/module_loader.hpp"

namespace syspulse::plugin_host {
namespace {

using testing::HasSubstr;

// What a host of its own answers to frames that are there when it begins, by their ids.
class HostSessionTest : public testing::Test {
  protected:
    void SetUp() override {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        ours_ = platform::OwnedHandle(ends[0]);
        theirs_ = platform::OwnedHandle(ends[1]);
        send(encode(FrameType::create, 0, CreateCall{1, true, "fake", "{}"}));
    }
    void send(const std::string& frame) {
        ASSERT_EQ(::write(static_cast<int>(ours_.get()), frame.data(), frame.size()),
                  static_cast<ssize_t>(frame.size()));
    }
    // In a process of its own, which a host takes for granted.
    void serve() {
        send(FrameWriter(FrameType::goodbye, 0).take());
        EXPECT_EXIT(be_host(), testing::ExitedWithCode(0), "");
        theirs_ = platform::OwnedHandle();
        std::array<char, 4096> buffer{};
        FrameSplitter splitter;
        for (ssize_t got = 1; got > 0;) {
            got = ::read(static_cast<int>(ours_.get()), buffer.data(), buffer.size());
            if (got > 0) splitter.add({buffer.data(), static_cast<std::size_t>(got)}, {});
        }
        for (auto frame = splitter.next(); frame && *frame; frame = splitter.next()) {
            if ((*frame)->type != FrameType::done) continue;
            const auto message = decode<DoneMessage>((*frame)->body);
            ASSERT_TRUE(message);
            answers_[(*frame)->id] = message->error ? message->error->message : "done";
            if (message->error) codes_[(*frame)->id] = message->error->code;
        }
    }
    void be_host() {
        const auto clock = platform::make_system_clock();
        const auto loop = *platform::make_event_loop(*clock);
        const auto module = load_module(GOOD_PLUGINS "/fake_driver.so");
        HostSession session(*loop, *clock, *check_module(*module, {}),
                            platform::OwnLimits(std::nullopt, std::nullopt));
        static_cast<void>(session.serve(std::move(theirs_)));
    }

    platform::OwnedHandle ours_;
    platform::OwnedHandle theirs_;
    std::map<std::uint64_t, std::string> answers_;
    std::map<std::uint64_t, ErrorCode> codes_;
};

TEST_F(HostSessionTest, asks_no_driver_about_a_process_that_it_never_heard_of) {
    const PlainCall call{1, 4711, SYSP_SIG_TERMINATE, 15};
    send(encode(FrameType::signal, 1, call));
    send(encode(FrameType::inspect, 2, call));
    send(encode(FrameType::stats, 3, call));
    ASSERT_NO_FATAL_FAILURE(serve());
    for (const std::uint64_t id : {1U, 2U, 3U}) {
        EXPECT_EQ(answers_[id], "no such process");
        EXPECT_EQ(codes_[id], ErrorCode::not_found);
    }
}

}  // namespace
}  // namespace syspulse::plugin_host
