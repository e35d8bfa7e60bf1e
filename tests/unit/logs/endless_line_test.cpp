// Output without a newline: files are bounded all the same, and readers see what was written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "logs/log_fixture.hpp"
#include "logs/reader.hpp"

namespace syspulse::logs {
namespace {

namespace fs = std::filesystem;

class EndlessLine : public LogTest {
  protected:
    void SetUp() override { start_capture(); }

    // The largest file of the log.
    std::uintmax_t largest() const {
        std::uintmax_t most = fs::file_size(log_path(dir(), Stream::out));
        for (const Archive& a : list_archives(dir(), Stream::out)) {
            most = std::max(most, fs::file_size(log_path(dir(), Stream::out, a.number)));
        }
        return most;
    }
    std::string read_back() const {
        std::string text;
        const auto lines = read_tail(logs_dir(), "web", {});
        for (const Line& line : *lines) text += line.text;
        return text;
    }
};

TEST_F(EndlessLine, goes_on_in_the_next_file_and_is_joined_again_when_read) {
    start_daemon({.max_size_bytes = 100'000, .retain_count = 1000});
    const std::string line(5 * 1024 * 1024, 'x');
    const std::string text = "before\n" + line + "\nafter\n";
    write_fully(out_, text);
    ASSERT_TRUE(eventually_all_is(text));
    EXPECT_LE(largest(), 200'000U);
    EXPECT_TRUE(is_same_text(read_back(), text));
}

TEST_F(EndlessLine, is_split_at_the_largest_piece_that_readers_take) {
    start_daemon({.max_size_bytes = 2 * max_line_bytes, .retain_count = 1000});
    const std::string line(8 * max_line_bytes, 'x');
    write_fully(out_, line);
    ASSERT_TRUE(eventually_all_is(line));
    EXPECT_EQ(largest(), 3 * max_line_bytes);
    EXPECT_TRUE(is_same_text(read_back(), line));
}

TEST_F(EndlessLine, has_one_timestamp_and_is_bounded_too) {
    start_daemon({.max_size_bytes = 100'000, .retain_count = 1000, .timestamps = true});
    const std::string line(1'000'000, 'x');
    write_fully(out_, line + "\nafter\n");
    ASSERT_TRUE(test::eventually([&] { return read_all(dir()).ends_with(" after\n"); }));
    EXPECT_LE(largest(), 200'000U);
    const std::size_t stamp = std::string_view("2026-11-24T00:19:39.123Z ").size();
    const std::string text = read_back();
    EXPECT_TRUE(is_same_text(text.substr(stamp, line.size() + 1), line + "\n"));
    EXPECT_EQ(text.size(), 2 * stamp + line.size() + std::string_view("\nafter\n").size());
}

TEST_F(EndlessLine, is_ended_when_the_run_ends_right_after_a_file) {
    start_daemon({.max_size_bytes = 1'000, .retain_count = 10});
    write_fully(out_, std::string(2'000, 'x'));
    ASSERT_TRUE(eventually_all_is(std::string(2'000, 'x')));
    end_run();
    EXPECT_TRUE(eventually_all_is(std::string(2'000, 'x') + '\n'));
}

}  // namespace
}  // namespace syspulse::logs
