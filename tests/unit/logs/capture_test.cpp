// The capture with real pipes, files and threads. The goal: whatever is written into the pipe is in
// the files once, in order, and files end with whole lines.
#include "logs/capture.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class Capture : public LogTest {
  protected:
    void SetUp() override { start_capture(); }
};

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

TEST_F(Capture, writes_both_streams_to_their_files) {
    start_daemon();
    write_fully(out_, "to stdout\n");
    write_fully(err_, "to stderr\n");
    EXPECT_TRUE(eventually_all_is("to stdout\n"));
    EXPECT_TRUE(test::eventually([&] { return read_all(dir(), Stream::err) == "to stderr\n"; }));
}

TEST_F(Capture, creates_the_files_before_there_is_output) {
    start_daemon();
    EXPECT_TRUE(test::eventually([&] { return fs::exists(log_path(dir(), Stream::err)); }));
    EXPECT_EQ(fs::status(dir()).permissions(), fs::perms::owner_all);
}

TEST_F(Capture, completes_a_partial_line_when_the_run_ends) {
    start_daemon();
    write_fully(out_, "no newline");
    end_run();
    EXPECT_TRUE(eventually_all_is("no newline\n"));
    start_daemon();
    write_fully(out_, "next run\n");
    EXPECT_TRUE(eventually_all_is("no newline\nnext run\n"));
}

TEST_F(Capture, leaves_a_partial_line_alone_while_another_process_holds_the_pipe) {
    start_daemon();
    const int grandchild = ::dup(out_);
    write_fully(out_, "first half, ");
    end_run();
    write_fully(grandchild, "second half\n");
    EXPECT_TRUE(eventually_all_is("first half, second half\n"));
    ::close(grandchild);
}

TEST_F(Capture, loses_and_doubles_nothing_at_full_speed_with_rotation_and_compression) {
    start_daemon({.max_size_bytes = 300'000, .retain_count = 1000, .compress_rotated = true});
    const std::string text = numbered_lines(0, 200'000);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += 4096) {
            write_fully(out_, std::string_view(text).substr(at, 4096));
        }
    });
    writer.join();
    end_run();
    EXPECT_TRUE(test::eventually([&] {
        const auto archives = list_archives(dir(), Stream::out);
        const auto packed = [](const Archive& a) { return a.compressed; };
        return archives.size() >= text.size() / 300'000 &&
               std::all_of(archives.begin(), archives.end(), packed);
    }));
    EXPECT_TRUE(eventually_all_is(text));
}

TEST_F(Capture, rotates_at_line_boundaries_and_below_the_limit) {
    start_daemon({.max_size_bytes = 10'000, .retain_count = 100});
    const std::string text = numbered_lines(0, 20'000);
    write_fully(out_, text);
    ASSERT_TRUE(eventually_all_is(text));
    for (const Archive& a : list_archives(dir(), Stream::out)) {
        const std::string part = read_file(log_path(dir(), Stream::out, a.number));
        EXPECT_TRUE(part.ends_with('\n')) << a.number;
        EXPECT_TRUE(part.starts_with("line ")) << a.number;
        EXPECT_LE(part.size(), 10'000U);
        EXPECT_GT(part.size(), 9'000U);
    }
}

TEST_F(Capture, keeps_a_line_that_is_longer_than_the_file_may_be_in_one_piece) {
    start_daemon({.max_size_bytes = 100'000, .retain_count = 10});
    const std::string line(5 * 1024 * 1024, 'x');
    std::thread writer([&] { write_fully(out_, "before\n" + line + "\nafter\n"); });
    writer.join();
    ASSERT_TRUE(eventually_all_is("before\n" + line + "\nafter\n"));
    EXPECT_TRUE(read_file(log_path(dir(), Stream::out, 1)) == "before\n" + line + "\n");
    EXPECT_EQ(read_file(log_path(dir(), Stream::out)), "after\n");
}

TEST_F(Capture, keeps_no_more_archives_than_asked_for) {
    start_daemon({.max_size_bytes = 1'000, .retain_count = 3});
    write_fully(out_, numbered_lines(0, 5'000));
    write_fully(out_, "end\n");
    EXPECT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("end\n"); }));
    EXPECT_EQ(list_archives(dir(), Stream::out).size(), 3U);
}

TEST_F(Capture, enforces_retention_when_opened) {
    fs::create_directories(dir());
    for (std::uint32_t i = 1; i <= 5; ++i) write_file(log_path(dir(), Stream::out, i), "old\n");
    start_daemon({.max_size_bytes = 1'000, .retain_count = 2});
    EXPECT_TRUE(test::eventually([&] { return list_archives(dir(), Stream::out).size() == 2; }));
}

TEST_F(Capture, compresses_what_an_earlier_manager_left_uncompressed) {
    fs::create_directories(dir());
    write_file(log_path(dir(), Stream::out, 1), "old\n");
    write_file(compressed_path(dir(), Stream::out, 1), "half written");
    start_daemon({.max_size_bytes = 1'000, .retain_count = 2, .compress_rotated = true});
    EXPECT_TRUE(test::eventually([&] { return !fs::exists(log_path(dir(), Stream::out, 1)); }));
    EXPECT_EQ(read_gzip(compressed_path(dir(), Stream::out, 1)), "old\n");
}

TEST_F(Capture, puts_a_timestamp_before_each_line_once) {
    start_daemon({.timestamps = true});
    write_fully(out_, "one\ntw");
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("tw"); }));
    write_fully(out_, "o\n\n");
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with(" \n"); }));
    const std::string text = read_all(dir());
    const std::size_t stamp = std::string_view("2026-11-24T00:19:39.123Z ").size();
    EXPECT_EQ(text.size(), 3 * stamp + std::string_view("one\ntwo\n\n").size());
    EXPECT_TRUE(parse_rfc3339(text.substr(0, stamp - 1)));
    EXPECT_EQ(text.substr(stamp, 4), "one\n");
    EXPECT_EQ(text.substr(2 * stamp + 4, 4), "two\n");
}

TEST_F(Capture, rotates_lines_with_timestamps_below_the_limit) {
    start_daemon({.max_size_bytes = 2'000, .retain_count = 500, .timestamps = true});
    write_fully(out_, numbered_lines(0, 3'000));
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with("line 2999\n"); }));
    const std::string text = read_all(dir());
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3'000);
    for (const Archive& a : list_archives(dir(), Stream::out)) {
        EXPECT_LE(fs::file_size(log_path(dir(), Stream::out, a.number)), 2'000U);
    }
}

TEST_F(Capture, goes_on_after_a_restart_of_the_manager_while_the_daemon_keeps_writing) {
    start_daemon({.max_size_bytes = 100'000, .retain_count = 1000});
    const std::string text = numbered_lines(0, 300'000);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += 1000) {
            write_fully(out_, std::string_view(text).substr(at, 1000));
        }
    });
    for (int i = 0; i < 20; ++i) {
        capture_.reset();
        start_capture();
        ASSERT_TRUE(
            capture_->open("web", {.max_size_bytes = 100'000, .retain_count = 1000}).has_value());
        capture_->handles_used("web");
    }
    writer.join();
    EXPECT_TRUE(eventually_all_is(text));
}

TEST_F(Capture, begins_a_new_file_when_somebody_removes_or_empties_the_log) {
    start_daemon();
    write_fully(out_, "one\n");
    ASSERT_TRUE(eventually_all_is("one\n"));
    fs::remove(log_path(dir(), Stream::out));
    write_fully(out_, "two\n");
    ASSERT_TRUE(eventually_all_is("two\n"));
    fs::resize_file(log_path(dir(), Stream::out), 0);
    write_fully(out_, "three\n");
    EXPECT_TRUE(eventually_all_is("three\n"));
}

TEST_F(Capture, holds_two_descriptors_for_a_daemon_that_writes_nothing) {
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 50; ++i) {
        const std::string name = "idle-" + std::to_string(i);
        ASSERT_TRUE(capture_->open(name, {}).has_value());
        capture_->handles_used(name);
    }
    test::eventually([&] { return open_descriptors() <= before + 100; });
    EXPECT_EQ(open_descriptors(), before + 100);
    for (int i = 0; i < 50; ++i) capture_->close("idle-" + std::to_string(i));
    EXPECT_TRUE(test::eventually([&] { return open_descriptors() <= before; }));
}

TEST_F(Capture, says_what_is_in_the_way_of_the_pipe) {
    fs::create_directories(dir());
    write_file(pipe_path(dir(), Stream::out), "not a pipe");
    const auto handles = capture_->open("web", {});
    ASSERT_FALSE(handles);
    EXPECT_NE(handles.error().message.find("remove it"), std::string::npos);
}

}  // namespace
}  // namespace syspulse::logs
