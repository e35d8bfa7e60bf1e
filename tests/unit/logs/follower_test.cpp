// Following with the real event loop. The test is the owner: it reads when told, and stops the loop
// when it has seen enough.
#include "logs/follower.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "logs/log_fixture.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class Following : public LogTest {
  protected:
    void SetUp() override {
        loop_ = *platform::make_event_loop(*clock_);
        start_capture();
    }

    void follow_from(const Query& query) {
        auto reader = Reader::open(logs_dir(), "web", query);
        ASSERT_TRUE(reader);
        reader_ = *std::move(reader);
        auto watch = watch_logs(*loop_, *reader_, [this] { read(); });
        ASSERT_TRUE(watch) << watch.error().message;
        watch_ = *std::move(watch);
    }

    void read() {
        ++told_;
        for (Line line; reader_->next(line);) seen_ += line.text;
        watch_->caught_up();
        if (seen_.size() >= expected_) loop_->stop();
    }

    // Runs the loop until that much has been seen, or for too long.
    void run_until(std::size_t bytes) {
        expected_ = bytes;
        if (seen_.size() >= bytes) return;
        const auto limit =
            loop_->start_timer(clock_->now().mono + std::chrono::seconds{60}, [this] {
                ADD_FAILURE() << "saw only " << seen_.size() << " bytes";
                loop_->stop();
            });
        loop_->run();
        loop_->cancel_timer(limit);
    }

    std::unique_ptr<platform::EventLoop> loop_;
    std::optional<Reader> reader_;
    std::unique_ptr<LogWatch> watch_;
    std::string seen_;
    std::size_t expected_ = 0;
    int told_ = 0;
};

TEST_F(Following, begins_with_the_last_lines_and_goes_on) {
    fs::create_directories(dir());
    write_file(log_path(dir(), Stream::out), "one\ntwo\n");
    start_daemon();
    follow_from({.lines = 1});
    run_until(4);
    write_fully(out_, "three\n");
    run_until(10);
    EXPECT_EQ(seen_, "two\nthree\n");
}

TEST_F(Following, waits_for_files_that_do_not_exist_yet) {
    follow_from({.lines = 10});
    start_daemon();
    write_fully(out_, "first\n");
    run_until(6);
    EXPECT_EQ(seen_, "first\n");
}

TEST_F(Following, misses_nothing_across_rotation_and_compression) {
    start_daemon({.max_size_bytes = 50'000, .retain_count = 1000, .compress_rotated = true});
    follow_from({.lines = 0});
    const std::string text = numbered_lines(0, 100'000);
    std::thread writer([&] { write_fully(out_, text); });
    run_until(text.size());
    writer.join();
    EXPECT_TRUE(is_same_text(seen_, text));
}

TEST_F(Following, another_reader_goes_on_from_a_mark) {
    start_daemon({.max_size_bytes = 5'000, .retain_count = 1000, .compress_rotated = true});
    std::string text;
    std::string seen;
    std::string mark = Mark{}.text();
    for (int i = 0; i < 60; ++i) {
        const std::string lines = numbered_lines(i * 200, (i + 1) * 200);
        text += lines;
        write_fully(out_, lines);
        auto reader = Reader::open(logs_dir(), "web", {.from = *Mark::parse(mark)});
        ASSERT_TRUE(reader);
        Line line;
        for (int wanted = i * 137 % 400; wanted > 0 && reader->next(line); --wanted)
            seen += line.text;
        mark = reader->mark().text();
    }
    ASSERT_TRUE(eventually_all_is(text));
    auto reader = Reader::open(logs_dir(), "web", {.lines = 1, .from = *Mark::parse(mark)});
    for (Line line; reader->next(line);) seen += line.text;
    EXPECT_TRUE(is_same_text(seen, text));
}

TEST_F(Following, a_mark_of_what_is_gone_leads_to_all_that_is_left) {
    fs::create_directories(dir());
    write_file(log_path(dir(), Stream::out), "one\ntwo\n");
    auto reader = Reader::open(logs_dir(), "web", {.lines = 0});
    const Mark mark = reader->mark();
    EXPECT_TRUE(mark.out);
    EXPECT_FALSE(mark.err);
    fs::rename(log_path(dir(), Stream::out), dir() / "kept");
    write_file(log_path(dir(), Stream::out), "three\n");
    auto next = Reader::open(logs_dir(), "web", {.from = mark});
    Line line;
    ASSERT_TRUE(next->next(line));
    EXPECT_EQ(line.text, "three\n");
    for (const char* bad : {"", "0", "0-", "1.2.3.4-0", "1.2.3.4.5-x", "1.2.3.4.5.6-0", "0-0-0"})
        EXPECT_FALSE(Mark::parse(bad)) << bad;
}

TEST_F(Following, survives_a_restart_of_daemon_and_capture) {
    start_daemon();
    follow_from({.lines = 0});
    write_fully(out_, "one\n");
    run_until(4);
    end_run();
    capture_.reset();
    start_capture();
    start_daemon();
    write_fully(out_, "two\n");
    run_until(8);
    EXPECT_EQ(seen_, "one\ntwo\n");
}

TEST_F(Following, goes_on_after_somebody_removed_the_logs) {
    start_daemon();
    follow_from({.lines = 0});
    write_fully(out_, "one\n");
    run_until(4);
    end_run();
    // The thread of the capture may be making a file in there, in which case the directory stays.
    for (std::error_code busy; fs::exists(dir());) fs::remove_all(dir(), busy);
    start_daemon();
    write_fully(out_, "two\n");
    run_until(8);
    write_fully(out_, "three\n");
    run_until(14);
    EXPECT_EQ(seen_, "one\ntwo\nthree\n");
}

TEST_F(Following, shows_what_there_is_of_a_line_such_as_a_prompt) {
    start_daemon();
    follow_from({.lines = 0});
    write_fully(out_, "one\ntw");
    run_until(6);
    EXPECT_EQ(seen_, "one\ntw");
    write_fully(out_, "o\n");
    run_until(8);
    EXPECT_EQ(seen_, "one\ntwo\n");
}

TEST_F(Following, holds_a_line_of_two_streams_back_until_it_is_complete) {
    start_daemon();
    follow_from({.err = true, .lines = 0});
    write_fully(out_, "one\ntw");
    run_until(4);
    ASSERT_TRUE(eventually_all_is("one\ntw"));
    write_fully(out_, "o\n");
    run_until(8);
    EXPECT_EQ(seen_, "one\ntwo\n");
}

TEST_F(Following, an_owner_that_does_not_read_is_told_once) {
    start_daemon();
    auto reader = Reader::open(logs_dir(), "web", {.lines = 0});
    ASSERT_TRUE(reader);
    const auto watch = watch_logs(*loop_, *reader, [this] { ++told_; });
    ASSERT_TRUE(watch);
    write_fully(out_, "one\n");
    ASSERT_TRUE(eventually_all_is("one\n"));
    loop_->start_timer(clock_->now().mono + std::chrono::milliseconds{50},
                       [this] { loop_->stop(); });
    loop_->run();
    EXPECT_EQ(told_, 1);
    Line line;
    EXPECT_TRUE(reader->next(line));
    EXPECT_FALSE(reader->next(line));
}

}  // namespace
}  // namespace syspulse::logs
