// Reading the tail of log files: over archives, both forms of them, both streams, and by time.
#include "logs/reader.hpp"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <thread>

#include "logs/log_fixture.hpp"
#include "logs/time_index.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class Reading : public LogTest {
  protected:
    void SetUp() override { fs::create_directories(dir()); }

    std::string read(const Query& query) {
        const auto lines = read_tail(logs_dir(), "web", query);
        std::string text;
        for (const Line& line : *lines) text += line.text;
        return text;
    }

    void pack(std::uint32_t number) {
        const fs::path plain = log_path(dir(), Stream::out, number);
        const std::atomic<bool> stop = false;
        const auto file = platform::OutputFile::open_for_reading(plain);
        ASSERT_TRUE(gzip(*file, compressed_path(dir(), Stream::out, number), stop));
        fs::remove(plain);
    }
};

TEST_F(Reading, a_daemon_without_logs_reads_as_empty) {
    EXPECT_EQ(read({.lines = 10}), "");
    EXPECT_EQ(read_tail(logs_dir(), "never-heard-of", {.lines = 10})->size(), 0U);
}

TEST_F(Reading, gives_the_last_lines) {
    write_file(log_path(dir(), Stream::out), numbered_lines(0, 50'000));
    EXPECT_TRUE(is_same_text(read({.lines = 3}), numbered_lines(49'997, 50'000)));
    EXPECT_TRUE(is_same_text(read({.lines = 20'000}), numbered_lines(30'000, 50'000)));
    EXPECT_EQ(read({.lines = 0}), "");
    EXPECT_TRUE(is_same_text(read({}), numbered_lines(0, 50'000)));
}

TEST_F(Reading, counts_a_partial_last_line) {
    write_file(log_path(dir(), Stream::out), "one\ntwo\nthr");
    EXPECT_EQ(read({.lines = 2}), "two\nthr");
}

TEST_F(Reading, goes_back_into_archives_of_both_forms) {
    write_file(log_path(dir(), Stream::out, 3), numbered_lines(0, 10'000));
    write_file(log_path(dir(), Stream::out, 2), numbered_lines(10'000, 20'000));
    write_file(log_path(dir(), Stream::out, 1), numbered_lines(20'000, 30'000));
    write_file(log_path(dir(), Stream::out), numbered_lines(30'000, 40'000));
    pack(3);
    pack(2);
    EXPECT_TRUE(is_same_text(read({.lines = 5}), numbered_lines(39'995, 40'000)));
    EXPECT_TRUE(is_same_text(read({.lines = 15'000}), numbered_lines(25'000, 40'000)));
    EXPECT_TRUE(is_same_text(read({.lines = 25'000}), numbered_lines(15'000, 40'000)));
    EXPECT_TRUE(is_same_text(read({.lines = 99'999}), numbered_lines(0, 40'000)));
    EXPECT_TRUE(is_same_text(read({}), numbered_lines(0, 40'000)));
}

// The system's clock for files is coarse, so parts that are rotated quickly carry one time.
TEST_F(Reading, tells_apart_parts_of_the_same_moment) {
    write_file(log_path(dir(), Stream::out, 3), numbered_lines(10'000, 11'000));
    write_file(log_path(dir(), Stream::out, 2), numbered_lines(11'000, 12'000));
    write_file(log_path(dir(), Stream::out, 1), numbered_lines(12'000, 13'000));
    write_file(log_path(dir(), Stream::out), numbered_lines(13'000, 14'000));
    pack(3);
    pack(2);
    const auto moment = fs::last_write_time(log_path(dir(), Stream::out));
    for (const auto& file : fs::directory_iterator(dir())) fs::last_write_time(file, moment);
    EXPECT_TRUE(is_same_text(read({}), numbered_lines(10'000, 14'000)));
}

TEST_F(Reading, cuts_a_huge_line_into_pieces) {
    const std::string huge(3 * max_line_bytes + 10, 'x');
    write_file(log_path(dir(), Stream::out), "before\n" + huge + "\nafter\n");
    const auto lines = read_tail(logs_dir(), "web", {.lines = 5});
    ASSERT_EQ(lines->size(), 5U);
    for (const Line& line : *lines) EXPECT_LE(line.text.size(), max_line_bytes);
    EXPECT_EQ(lines->at(4).text, "after\n");
    EXPECT_TRUE(read({.lines = 5}) == huge + "\nafter\n");
}

// Otherwise the last line of a log could be all of it.
TEST_F(Reading, counts_each_piece_of_a_huge_line) {
    const std::string huge = std::string(2 * max_line_bytes, 'a') + std::string(10, 'b') + '\n';
    write_file(log_path(dir(), Stream::out, 1), "before\n" + huge);
    write_file(log_path(dir(), Stream::out), "");
    for (const bool packed : {false, true}) {
        if (packed) pack(1);
        EXPECT_EQ(read({.lines = 1}).size(), packed ? 11U : max_line_bytes);
        EXPECT_TRUE(is_same_text(read({.lines = 3}), huge));
        EXPECT_TRUE(is_same_text(read({.lines = 4}), "before\n" + huge));
    }
}

TEST_F(Reading, joins_a_line_that_goes_on_in_the_next_file) {
    write_file(log_path(dir(), Stream::out, 2), "one\ntw");
    write_file(log_path(dir(), Stream::out, 1), "o, still tw");
    write_file(log_path(dir(), Stream::out), "o\nthree\n");
    pack(2);
    EXPECT_EQ(read({}), "one\ntwo, still two\nthree\n");
    EXPECT_EQ(read({.lines = 2}), "o\nthree\n");
    EXPECT_EQ(read({.lines = 5}), "one\ntwo, still two\nthree\n");
}

// Each time that it is asked, a block of 64 KiB at most has been read.
TEST_F(Reading, is_given_up_in_the_middle_of_an_archive) {
    write_file(log_path(dir(), Stream::out, 1), numbered_lines(0, 1'000'000));
    write_file(log_path(dir(), Stream::out), "");
    pack(1);
    for (const std::size_t limit : {0U, 50U, 250U}) {
        std::size_t asked = 0;
        const auto reader = Reader::open(logs_dir(), "web",
                                         {.lines = 5, .given_up = [&] { return ++asked > limit; }});
        ASSERT_FALSE(reader);
        EXPECT_EQ(reader.error().code, ErrorCode::cancelled);
        EXPECT_LE(asked, limit + 10);
    }
}

// Once to count its lines, once to come to the last ones.
TEST_F(Reading, unpacks_an_archive_twice_at_most) {
    const std::string text = numbered_lines(0, 1'000'000);
    write_file(log_path(dir(), Stream::out, 1), text);
    write_file(log_path(dir(), Stream::out), "");
    pack(1);
    std::size_t asked = 0;
    auto reader = Reader::open(logs_dir(), "web", {.lines = 5, .given_up = [&] {
                                                       ++asked;
                                                       return false;
                                                   }});
    ASSERT_TRUE(reader);
    std::string seen;
    for (Line line; reader->next(line);) seen += line.text;
    EXPECT_EQ(seen, numbered_lines(999'995, 1'000'000));
    EXPECT_LE(asked, 2 * (text.size() / 65536) + 20);
}

TEST_F(Reading, ends_where_the_files_end_when_it_is_told_to) {
    write_file(log_path(dir(), Stream::out), numbered_lines(0, 10));
    auto reader = Reader::open(logs_dir(), "web", {.out = true, .err = true});
    ASSERT_TRUE(reader);
    reader->end_at_present();
    std::ofstream(log_path(dir(), Stream::out), std::ios::app) << numbered_lines(10, 20);
    write_file(log_path(dir(), Stream::err), "new\n");
    fs::rename(log_path(dir(), Stream::out), log_path(dir(), Stream::out, 1));
    write_file(log_path(dir(), Stream::out), numbered_lines(20, 30));
    std::string text;
    for (Line line; reader->next(line);) text += line.text;
    EXPECT_EQ(text, numbered_lines(0, 10));
}

// A daemon that writes all the while.
TEST_F(Reading, gives_no_more_lines_than_asked_for_while_others_come) {
    for (const bool rotates : {false, true}) {
        write_file(log_path(dir(), Stream::out), numbered_lines(0, 10));
        int from = 10;
        const auto write_more = [&] {
            if (rotates && from == 12) {
                fs::rename(log_path(dir(), Stream::out), log_path(dir(), Stream::out, 1));
                pack(1);
            }
            std::ofstream(log_path(dir(), Stream::out), std::ios::app)
                << numbered_lines(from, from + 1);
            ++from;
            return false;
        };
        const auto lines = read_tail(logs_dir(), "web", {.lines = 2, .given_up = write_more});
        ASSERT_TRUE(lines);
        EXPECT_EQ(lines->size(), 2U) << rotates;
        EXPECT_GT(from, 12);
    }
}

std::ptrdiff_t open_descriptors() {
    const fs::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

// One client that asks for everything and reads nothing must not take the descriptors of starts.
TEST_F(Reading, keeps_few_of_very_many_parts_open) {
    for (int part = 0; part < 200; ++part) {
        const auto number = static_cast<std::uint32_t>(200 - part);
        write_file(log_path(dir(), Stream::out, number),
                   numbered_lines(part * 100, part * 100 + 100));
        if (number > 150) pack(number);
    }
    write_file(log_path(dir(), Stream::out), numbered_lines(20'000, 20'100));
    const auto before = open_descriptors();
    auto reader = Reader::open(logs_dir(), "web", {});
    ASSERT_TRUE(reader);
    reader->end_at_present();
    EXPECT_LE(open_descriptors() - before, 100);
    std::string text;
    Line line;
    while (text.size() < 50'000 && reader->next(line)) text += line.text;
    EXPECT_LE(open_descriptors() - before, 100);
    // The newest goes on, and others come after it.
    std::ofstream(log_path(dir(), Stream::out), std::ios::app) << numbered_lines(20'100, 20'200);
    for (std::uint32_t number = 200; number > 0; --number) {
        const bool packed = number > 150;
        fs::rename(packed ? compressed_path(dir(), Stream::out, number)
                          : log_path(dir(), Stream::out, number),
                   packed ? compressed_path(dir(), Stream::out, number + 1)
                          : log_path(dir(), Stream::out, number + 1));
    }
    fs::rename(log_path(dir(), Stream::out), log_path(dir(), Stream::out, 1));
    write_file(log_path(dir(), Stream::out), numbered_lines(20'200, 20'300));
    while (reader->next(line)) text += line.text;
    EXPECT_TRUE(is_same_text(text, numbered_lines(0, 20'100)));
    EXPECT_TRUE(is_same_text(read({.lines = 15'000}), numbered_lines(5'300, 20'300)));
    EXPECT_TRUE(is_same_text(read({}), numbered_lines(0, 20'300)));
}

// Otherwise each line of a stream costs several calls of the system for the other, silent one.
TEST_F(Reading, does_not_look_after_a_silent_stream_for_every_line) {
    write_file(log_path(dir(), Stream::out), numbered_lines(0, 1000));
    write_file(log_path(dir(), Stream::err), "");
    auto reader = Reader::open(logs_dir(), "web", {.out = true, .err = true});
    ASSERT_TRUE(reader);
    const int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    ASSERT_GE(::inotify_add_watch(watch, log_path(dir(), Stream::err).c_str(), IN_OPEN), 0);
    int opened = 0;
    int lines = 0;
    for (Line line; reader->next(line); ++lines) {
        char events[4096];
        if (::read(watch, events, sizeof events) > 0) ++opened;
    }
    ::close(watch);
    EXPECT_EQ(lines, 1000);
    EXPECT_LE(opened, 5);
}

// Two that are written in turn, while they are read.
TEST_F(Reading, sees_what_came_to_a_silent_stream_meanwhile) {
    write_file(log_path(dir(), Stream::out), "one\n");
    write_file(log_path(dir(), Stream::err), "");
    auto reader = Reader::open(logs_dir(), "web", {.out = true, .err = true});
    ASSERT_TRUE(reader);
    Line line;
    ASSERT_TRUE(reader->next(line));
    EXPECT_EQ(line.text, "one\n");
    std::ofstream(log_path(dir(), Stream::err), std::ios::app) << "two\n";
    ASSERT_TRUE(reader->next(line));
    EXPECT_EQ(line.text, "two\n");
    EXPECT_FALSE(reader->next(line));
}

TEST_F(Reading, keeps_bytes_that_are_not_utf8) {
    const std::string bytes("\xff\xfe\0\x80\n", 5);
    write_file(log_path(dir(), Stream::out), bytes);
    EXPECT_EQ(read({.lines = 1}), bytes);
}

TEST_F(Reading, merges_streams_by_their_timestamps) {
    write_file(log_path(dir(), Stream::out),
               "2026-11-24T00:00:01.000Z a\n2026-11-24T00:00:03.000Z c\n");
    write_file(log_path(dir(), Stream::err),
               "2026-11-24T00:00:02.000Z b\n2026-11-24T00:00:04.000Z d\n");
    const auto lines = read_tail(logs_dir(), "web", {.err = true, .lines = 3, .stamped = true});
    ASSERT_EQ(lines->size(), 3U);
    EXPECT_TRUE(lines->at(0).text.ends_with("b\n"));
    EXPECT_EQ(lines->at(0).stream, Stream::err);
    EXPECT_TRUE(lines->at(1).text.ends_with("c\n"));
    EXPECT_TRUE(lines->at(2).text.ends_with("d\n"));
}

TEST_F(Reading, merges_streams_by_the_time_index) {
    write_file(log_path(dir(), Stream::out), "a\nc\n");
    write_file(log_path(dir(), Stream::err), "b\nd\n");
    ASSERT_TRUE(append_time(index_path(dir(), Stream::out), from_unix_ms(1'000), 0));
    ASSERT_TRUE(append_time(index_path(dir(), Stream::err), from_unix_ms(2'000), 0));
    ASSERT_TRUE(append_time(index_path(dir(), Stream::out), from_unix_ms(3'000), 2));
    ASSERT_TRUE(append_time(index_path(dir(), Stream::err), from_unix_ms(4'000), 2));
    EXPECT_EQ(read({.err = true}), "a\nb\nc\nd\n");
}

TEST_F(Reading, since_uses_the_time_index) {
    write_file(log_path(dir(), Stream::out), "old\nnew\nnewer\n");
    const fs::path index = index_path(dir(), Stream::out);
    ASSERT_TRUE(append_time(index, from_unix_ms(10'000), 0));
    ASSERT_TRUE(append_time(index, from_unix_ms(20'000), 4));
    ASSERT_TRUE(append_time(index, from_unix_ms(30'000), 8));
    EXPECT_EQ(read({.since = from_unix_ms(5'000)}), "old\nnew\nnewer\n");
    EXPECT_EQ(read({.since = from_unix_ms(15'000)}), "new\nnewer\n");
    EXPECT_EQ(read({.since = from_unix_ms(20'500)}), "new\nnewer\n");
    EXPECT_EQ(read({.since = from_unix_ms(21'000)}), "newer\n");
    EXPECT_EQ(read({.since = from_unix_ms(40'000)}), "");
    EXPECT_EQ(read({.lines = 1, .since = from_unix_ms(15'000)}), "newer\n");
}

TEST_F(Reading, since_survives_a_torn_index) {
    write_file(log_path(dir(), Stream::out), "old\nnew\n");
    const fs::path index = index_path(dir(), Stream::out);
    ASSERT_TRUE(append_time(index, from_unix_ms(10'000), 0));
    std::ofstream(index, std::ios::app) << "torn";
    EXPECT_EQ(read({.since = from_unix_ms(5'000)}), "old\nnew\n");
    ASSERT_TRUE(append_time(index, from_unix_ms(20'000), 4));
    EXPECT_EQ(read({.since = from_unix_ms(15'000)}), "new\n");
}

TEST_F(Reading, since_leaves_out_archives_that_are_older) {
    write_file(log_path(dir(), Stream::out, 1), "old\n");
    write_file(log_path(dir(), Stream::out), "new\n");
    ASSERT_TRUE(append_time(index_path(dir(), Stream::out, 1), from_unix_ms(10'000), 0));
    ASSERT_TRUE(append_time(index_path(dir(), Stream::out), from_unix_ms(20'000), 0));
    EXPECT_EQ(read({.since = from_unix_ms(15'000)}), "new\n");
    EXPECT_EQ(read({.since = from_unix_ms(5'000)}), "old\nnew\n");
}

// The clock that stamps files lags behind the one that people and daemons read.
TEST_F(Reading, since_finds_what_was_written_at_once) {
    const fs::path log = log_path(dir(), Stream::out);
    write_file(log, "hello\n");
    const WallTime now = clock_->now().wall;
    ASSERT_TRUE(append_time(index_path(dir(), Stream::out), now, 0));
    fs::last_write_time(log, fs::last_write_time(log) - std::chrono::milliseconds{9});
    EXPECT_EQ(read({.since = now}), "hello\n");
}

TEST_F(Reading, since_is_exact_for_lines_with_timestamps) {
    write_file(log_path(dir(), Stream::out),
               "2026-11-24T00:00:01.100Z a\n2026-11-24T00:00:01.200Z b\n");
    EXPECT_EQ(read({.since = *parse_rfc3339("2026-11-24T00:00:01.150Z"), .stamped = true}),
              "2026-11-24T00:00:01.200Z b\n");
}

// A daemon that replays events prints times, too.
TEST_F(Reading, since_goes_by_no_time_that_the_daemon_printed) {
    const std::string text = "2020-01-01T00:00:00.000Z replayed\n";
    write_file(log_path(dir(), Stream::out), text);
    const WallTime now = clock_->now().wall;
    ASSERT_TRUE(append_time(index_path(dir(), Stream::out), now, 0));
    EXPECT_EQ(read({.since = now - std::chrono::hours{1}}), text);
}

TEST_F(Reading, the_index_that_the_capture_writes_serves_since) {
    start_capture();
    const WallTime before = clock_->now().wall;
    start_daemon();
    write_fully(out_, "hello\n");
    ASSERT_TRUE(eventually_all_is("hello\n"));
    EXPECT_EQ(read({.since = before}), "hello\n");
    EXPECT_EQ(read({.since = before + std::chrono::hours{1}}), "");
}

TEST_F(Reading, later_calls_see_what_was_written_since_across_rotation_and_compression) {
    start_capture();
    start_daemon({.max_size_bytes = 50'000, .retain_count = 1000, .compress_rotated = true});
    auto reader = Reader::open(logs_dir(), "web", {});
    reader->only_complete_lines();
    const std::string text = numbered_lines(0, 200'000);
    std::thread writer([&] { write_fully(out_, text); });
    std::string seen;
    EXPECT_TRUE(test::eventually([&] {
        for (Line line; seen.size() < text.size() && reader->next(line);) seen += line.text;
        return seen.size() >= text.size();
    }));
    writer.join();
    EXPECT_TRUE(is_same_text(seen, text));
}

TEST_F(Reading, starts_over_when_somebody_empties_the_file) {
    write_file(log_path(dir(), Stream::out), "one\ntwo\n");
    auto reader = Reader::open(logs_dir(), "web", {});
    Line line;
    while (reader->next(line)) {
    }
    write_file(log_path(dir(), Stream::out), "three\n");
    ASSERT_TRUE(reader->next(line));
    EXPECT_EQ(line.text, "three\n");
}

}  // namespace
}  // namespace syspulse::logs
