#include "plugin_host/isolation/frame.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <string>

#include "platform/helper_process.hpp"
#include "platform/this_process.hpp"
#include "plugin_host/isolation/host_arguments.hpp"
#include "plugin_host/isolation/messages.hpp"

namespace syspulse::plugin_host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::optional<Frame> next(FrameSplitter& splitter) {
    auto frame = splitter.next();
    EXPECT_TRUE(frame) << frame.error().message;
    return frame ? std::move(*frame) : std::nullopt;
}

TEST(FrameSplitter, cuts_frames_wherever_the_stream_is_broken) {
    const std::string stream =
        FrameWriter(FrameType::ping, 7).text("abc").take() + FrameWriter(FrameType::pong, 8).take();
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        FrameSplitter splitter;
        std::vector<std::uint64_t> ids;
        for (const std::string& part : {stream.substr(0, cut), stream.substr(cut)}) {
            splitter.add(part, {});
            while (const auto frame = next(splitter)) ids.push_back(frame->id);
        }
        EXPECT_THAT(ids, ElementsAre(7U, 8U)) << cut;
    }
}

TEST(FrameSplitter, refuses_lengths_that_no_frame_has) {
    for (const std::string& length :
         {std::string("\x0f\0\0\0", 4), std::string("\xff\xff\xff\x7f")}) {
        FrameSplitter splitter;
        splitter.add(length + std::string(12, '\0'), {});
        const auto frame = splitter.next();
        ASSERT_FALSE(frame);
        EXPECT_THAT(frame.error().message, HasSubstr("garbage on the channel"));
    }
}

TEST(FrameSplitter, refuses_handles_that_are_missing_or_that_nobody_announced) {
    FrameSplitter missing;
    missing.add(FrameWriter(FrameType::spawn, 1, 1).take(), {});
    EXPECT_FALSE(missing.next());

    FrameSplitter too_many;
    std::vector<platform::OwnedHandle> handles;
    handles.push_back(std::move(*platform::open_process(platform::process_id())));
    too_many.add(FrameWriter(FrameType::ping, 1).take(), std::move(handles));
    EXPECT_FALSE(too_many.next());
}

// Each message ends within the header of the next frame, so that no frame is ever cut off with
// nothing behind it.
TEST(FrameSplitter, does_not_gather_handles_before_a_header_is_complete) {
    const std::string frame = FrameWriter(FrameType::pong, 1).take();
    FrameSplitter splitter;
    splitter.add(frame.substr(0, 1), {});
    std::size_t sent = 0;
    for (bool refused = false; !refused; ++sent) {
        ASSERT_LE(sent, frame_handles_max);
        std::vector<platform::OwnedHandle> handles;
        handles.push_back(std::move(*platform::open_process(platform::process_id())));
        splitter.add(frame.substr(1) + frame.substr(0, 1), std::move(handles));
        auto cut = splitter.next();
        while (cut && *cut) cut = splitter.next();
        refused = !cut;
    }
    EXPECT_EQ(sent, frame_handles_max + 1);
}

TEST(FrameSplitter, gives_handles_to_the_frame_that_announces_them) {
    FrameSplitter splitter;
    std::vector<platform::OwnedHandle> handles;
    handles.push_back(std::move(*platform::open_process(platform::process_id())));
    const auto given = handles.front().get();
    splitter.add(FrameWriter(FrameType::ping, 1).take() + FrameWriter(FrameType::done, 2, 1).take(),
                 std::move(handles));
    EXPECT_TRUE(next(splitter)->handles.empty());
    const auto second = next(splitter);
    ASSERT_EQ(second->handles.size(), 1U);
    EXPECT_EQ(second->handles.front().get(), given);
}

TEST(FrameReader, reads_what_was_written_and_says_when_something_is_missing) {
    std::string frame = FrameWriter(FrameType::ping, 1)
                            .u8(200)
                            .i32(-5)
                            .u64(1ULL << 63)
                            .f64(0.1)
                            .text("text")
                            .texts({"a", "", "c"})
                            .take();
    FrameReader reader(std::string_view(frame).substr(frame_header_bytes));
    EXPECT_EQ(reader.u8(), 200);
    EXPECT_EQ(reader.i32(), -5);
    EXPECT_EQ(reader.u64(), 1ULL << 63);
    EXPECT_EQ(reader.f64(), 0.1);
    EXPECT_EQ(reader.text(), "text");
    EXPECT_THAT(reader.texts(), ElementsAre("a", "", "c"));
    EXPECT_TRUE(reader.complete());
    EXPECT_EQ(reader.u32(), 0U);
    EXPECT_FALSE(reader.ok());
}

TEST(Messages, survive_the_way_and_every_shortened_one_is_refused) {
    SpawnCall call;
    call.instance = 3;
    call.proc = 1ULL << 40;
    call.argv = {"/bin/sh", "-c", "exit 0"};
    call.env = {"A=b"};
    call.limits = 5;
    call.stdio = 7;
    const std::string frame = encode(FrameType::spawn, 9, call);
    const std::string_view body = std::string_view(frame).substr(frame_header_bytes);
    const auto back = decode<SpawnCall>(body);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->argv, call.argv);
    EXPECT_EQ(back->proc, call.proc);
    EXPECT_EQ(back->stdio, 7U);
    for (std::size_t size = 0; size < body.size(); ++size) {
        EXPECT_FALSE(decode<SpawnCall>(body.substr(0, size))) << size;
    }
    EXPECT_FALSE(decode<SpawnCall>(std::string(body) + "x"));
}

TEST(Messages, carry_every_kind_of_completion) {
    const auto sent = [](DoneMessage message) {
        const std::string frame = encode(FrameType::done, 1, message);
        return decode<DoneMessage>(std::string_view(frame).substr(frame_header_bytes));
    };
    const auto failed = sent({OpType::check, Error{ErrorCode::timed_out, "late"}, {}});
    ASSERT_TRUE(failed && failed->error);
    EXPECT_EQ(*failed->error, (Error{ErrorCode::timed_out, "late"}));
    const auto spawned = sent({OpType::spawn, {}, platform::SpawnedProcess{42, "token", true}});
    ASSERT_TRUE(spawned);
    EXPECT_EQ(std::get<platform::SpawnedProcess>(spawned->payload).token, "token");
    EXPECT_TRUE(std::get<platform::SpawnedProcess>(spawned->payload).frozen);
    platform::CheckReport report{platform::CheckReport::Outcome::failed, "no", {}, {}};
    report.metrics = {{"a_bytes", 1.5}, {"b", -2}};
    const auto checked = sent({OpType::check, {}, report});
    ASSERT_TRUE(checked);
    EXPECT_EQ(std::get<platform::CheckReport>(checked->payload).metrics, report.metrics);
    platform::ProcessStats stats;
    stats.memory_bytes = 4096;
    stats.throttled = std::chrono::milliseconds{7};
    stats.io_pressure = model::Pressure{{1, 2, 3, Duration{4}}, {5, 6, 7, Duration{8}}};
    const auto measured = sent({OpType::stats, {}, stats});
    ASSERT_TRUE(measured);
    EXPECT_EQ(std::get<platform::ProcessStats>(measured->payload).memory_bytes, 4096U);
    EXPECT_FALSE(std::get<platform::ProcessStats>(measured->payload).cpu_time);
    EXPECT_EQ(std::get<platform::ProcessStats>(measured->payload).throttled, stats.throttled);
    const auto pressure = std::get<platform::ProcessStats>(measured->payload).io_pressure;
    ASSERT_TRUE(pressure);
    EXPECT_EQ(pressure->some.avg60, 2);
    EXPECT_EQ(pressure->full.total, Duration{8});
}

TEST(Messages, carry_all_that_a_driver_says_of_an_exit) {
    ExitStatus status = ExitStatus::signalled(9);
    status.oom_killed = true;
    status.memory_peak_bytes = 1ULL << 33;
    const std::string frame = encode(FrameType::exited, 0, ExitedMessage{7, status});
    const auto back = decode<ExitedMessage>(std::string_view(frame).substr(frame_header_bytes));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->proc, 7U);
    EXPECT_EQ(back->status, status);
}

TEST(Messages, carry_all_that_is_counted) {
    const MisbehavedMessage told{{1, 2, 3, 4, 5, 6, 7}};
    const std::string frame = encode(FrameType::misbehaved, 0, told);
    const auto back = decode<MisbehavedMessage>(std::string_view(frame).substr(frame_header_bytes));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->counts, told.counts);
}

TEST(Messages, change_their_id_without_anything_else) {
    const std::string frame = FrameWriter(FrameType::check, 1).text("x").take();
    EXPECT_EQ(with_frame_id(frame, 1234567),
              FrameWriter(FrameType::check, 1234567).text("x").take());
}

TEST(HostArguments, come_back_as_they_were_written) {
    IsolationPolicy policy;
    policy.user = "nobody";
    policy.max_open_files = 77;
    const auto parsed = parse_host_arguments(serve_arguments("/p/x.so", policy));
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(parsed->scan);
    EXPECT_EQ(parsed->plugin, "/p/x.so");
    EXPECT_EQ(parsed->policy.user, "nobody");
    EXPECT_EQ(parsed->policy.max_open_files, 77U);
    EXPECT_TRUE(parse_host_arguments(scan_arguments("/p/x.so"))->scan);
    EXPECT_FALSE(parse_host_arguments({host_program_name, "serve", "/p/x.so"}));
    EXPECT_FALSE(parse_host_arguments({host_program_name}));
}

}  // namespace
}  // namespace syspulse::plugin_host
