#include "cli/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "cli/exit_code.hpp"
#include "cli/line_splitter.hpp"
#include "config/suggest.hpp"

namespace syspulse::cli {
namespace {

TEST(Text, wide_characters_take_two_columns_and_marks_none) {
    EXPECT_EQ(display_width("abc"), 3U);
    EXPECT_EQ(display_width("\xe6\x97\xa5\xe6\x9c\xac"), 4U);
    EXPECT_EQ(display_width("e\xcc\x81"), 1U);
    EXPECT_EQ(display_width("\xff\xfe"), 2U);
}

TEST(Text, what_could_steer_a_terminal_is_replaced) {
    EXPECT_EQ(printable("a\x1b[31mb\nc"), "a?[31mb?c");
    EXPECT_EQ(printable_lines("a\nb\tc\r"), "a\nb\tc?");
    EXPECT_EQ(printable("\xc0\x80\xe6\x97"), "????");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "?31m");
    EXPECT_EQ(printable("\xe6\x97\xa5"), "\xe6\x97\xa5");
}

TEST(Text, shortening_never_cuts_a_character_in_two) {
    EXPECT_EQ(shortened("abcdefgh", 8), "abcdefgh");
    EXPECT_EQ(shortened("abcdefgh", 6), "abc...");
    EXPECT_EQ(shortened("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5), "\xe6\x97\xa5...");
    EXPECT_EQ(shortened("abcdef", 2), "..");
}

std::string printed(const Table& table, Terminal terminal) {
    std::istringstream in;
    std::ostringstream out;
    Context context(in, out, out);
    context.terminal = terminal;
    table.print(context, out);
    return out.str();
}

TEST(Table, aligns_columns_and_leaves_no_blanks_at_line_ends) {
    Table table({"NAME", "STATE", "INFO"});
    table.add({{"web"}, {"running"}, {""}});
    table.add({{"database"}, {"failed"}, {"x"}});
    EXPECT_EQ(printed(table, {}),
              "NAME      STATE    INFO\n"
              "web       running\n"
              "database  failed   x\n");
}

TEST(Table, leaves_columns_out_before_it_cuts_the_first_two) {
    Table table({"NAME", "STATE", "HEALTH", "PID", "UPTIME", "INFO"});
    table.add({{"accounting-db"}, {"scheduled"}, {"-"}, {"-"}, {"1h 5m"}, {"next run in 23m"}});
    EXPECT_EQ(printed(table, {false, 48}),
              "NAME           STATE      HEALTH  INFO\n"
              "accounting-db  scheduled  -       next run in...\n");
    EXPECT_EQ(printed(table, {false, 10}),
              "NAME           STATE\n"
              "accounting-db  scheduled\n");
}

TEST(Table, fits_a_narrow_terminal) {
    Table table({"NAME", "INFO"});
    table.add({{"web"}, {"a long explanation that does not fit"}});
    EXPECT_EQ(printed(table, {false, 20}),
              "NAME  INFO\n"
              "web   a long expl...\n");
}

TEST(Table, colours_only_on_a_terminal_that_has_them) {
    Table table({"S"});
    table.add({{"up", Color::green}});
    EXPECT_EQ(printed(table, {true, 80}), "\x1b[1mS\x1b[0m\n\x1b[32mup\x1b[0m\n");
    EXPECT_EQ(printed(table, {false, 80}), "S\nup\n");
}

TEST(Text, states_have_the_colours_of_the_manual) {
    EXPECT_EQ(state_color("running"), Color::green);
    EXPECT_EQ(state_color("healthy"), Color::green);
    EXPECT_EQ(state_color("failed"), Color::red);
    EXPECT_EQ(state_color("unhealthy"), Color::red);
    EXPECT_EQ(state_color("backoff"), Color::yellow);
    EXPECT_EQ(state_color("scheduled"), Color::cyan);
    EXPECT_EQ(state_color("stopped"), Color::dim);
    EXPECT_EQ(state_color("unknown"), Color::dim);
}

TEST(Text, bytes_are_shown_in_binary_units) {
    EXPECT_EQ(format_bytes(512), "512 B");
    EXPECT_EQ(format_bytes(12'900'000), "12.3 MiB");
}

TEST(Suggestion, finds_what_was_meant_and_stays_silent_otherwise) {
    const std::vector<std::string_view> words{"start", "status", "stop", "restart"};
    EXPECT_EQ(config::nearest("strat", words), "start");
    EXPECT_EQ(config::nearest("stauts", words), "status");
    EXPECT_EQ(config::nearest("rest", words), "restart");
    EXPECT_EQ(config::nearest("zzz", words), std::nullopt);
    constexpr std::array<std::string_view, 1> logs{"logs"};
    EXPECT_EQ(config::nearest("bogus", logs), std::nullopt);
}

TEST(ExitCodes, the_worst_of_several_stands_for_all) {
    EXPECT_EQ(worst(ExitCode::done, ExitCode::no_such_daemon), ExitCode::no_such_daemon);
    EXPECT_EQ(worst(ExitCode::timed_out, ExitCode::conflict), ExitCode::timed_out);
    EXPECT_EQ(worst(ExitCode::failed, ExitCode::no_such_daemon), ExitCode::failed);
    EXPECT_EQ(worst(ExitCode::failed, ExitCode::unreachable), ExitCode::unreachable);
}

TEST(LineSplitter, cuts_a_line_that_never_ends) {
    std::size_t given = 0;
    std::size_t longest = 0;
    LineSplitter splitter([&](std::string_view line) {
        given += line.size();
        longest = std::max(longest, line.size());
    });
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 100; ++i) splitter.feed(piece);
    splitter.finish();
    EXPECT_EQ(given, 10'000'000U);
    EXPECT_EQ(longest, LineSplitter::max_line_bytes);
}

TEST(LineSplitter, gives_whole_lines_wherever_the_pieces_are_cut) {
    std::vector<std::string> lines;
    LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
    for (const char* piece : {"a", "b\nc\n", "\n", "d", "e"}) {
        splitter.feed(piece);
    }
    splitter.finish();
    EXPECT_EQ(lines, (std::vector<std::string>{"ab", "c", "", "de"}));
}

TEST(LineSplitter, takes_one_carriage_return_before_a_newline_for_its_part) {
    std::vector<std::string> lines;
    LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
    for (const char* piece : {"a\r\nb\r", "\nc\rd\n\r\n", "e\r\r\n", "f\r"}) {
        splitter.feed(piece);
    }
    splitter.finish();
    EXPECT_EQ(lines, (std::vector<std::string>{"a", "b", "c\rd", "", "e\r", "f\r"}));
}

}  // namespace
}  // namespace syspulse::cli
