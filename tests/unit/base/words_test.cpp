// Result, errors, ids, exit statuses, signals, paths, randomness, assertions and the log.
#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <system_error>
#include <type_traits>
#include <unordered_set>

#include "base/assert.hpp"
#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/path_text.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/signals.hpp"

namespace syspulse {
namespace {

const Error missing{ErrorCode::not_found, "no such file"};

// The library takes that of a share for a directory of the current drive.
TEST(PathText, absolute_paths_stay_what_they_are) {
    namespace fs = std::filesystem;
    const bool on_windows = fs::path::preferred_separator == '\\';
    const fs::path share = R"(\\server\share\f)";
    std::error_code failed;
    EXPECT_EQ(absolute_path(share, failed), on_windows ? share : fs::current_path() / share);
    const fs::path whole = fs::current_path() / "f";
    EXPECT_EQ(absolute_path(whole, failed), whole);
    EXPECT_EQ(absolute_path("f", failed), whole);
    EXPECT_FALSE(failed);
}

TEST(Result, holds_a_value_or_an_error) {
    const Result<int> good = 7;
    ASSERT_TRUE(good);
    EXPECT_EQ(*good, 7);
    const Result<int> bad = missing;
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), missing);
}

TEST(Result, carries_values_that_only_move) {
    Result<std::unique_ptr<int>> made = std::make_unique<int>(3);
    const std::unique_ptr<int> taken = *std::move(made);
    EXPECT_EQ(*taken, 3);
}

TEST(Result, value_or_falls_back_on_failure) {
    EXPECT_EQ(Result<int>(missing).value_or(5), 5);
    EXPECT_EQ(Result<int>(4).value_or(5), 4);
}

TEST(Result, of_nothing_tells_only_failure) {
    EXPECT_TRUE(Result<void>());
    EXPECT_EQ(Result<void>(missing).error(), missing);
}

TEST(ResultDeathTest, value_of_a_failure_aborts) {
    const Result<int> bad = missing;
    EXPECT_DEATH(static_cast<void>(bad.value()), "value\\(\\) of a failed Result");
}

TEST(ErrorText, context_goes_in_front) {
    EXPECT_EQ(missing.with("cannot read a.yaml").message, "cannot read a.yaml: no such file");
    EXPECT_EQ(missing.with("x").code, ErrorCode::not_found);
    EXPECT_EQ(to_string(ErrorCode::timed_out), "timed_out");
}

TEST(Ids, are_distinct_types_whose_zero_is_none) {
    static_assert(!std::is_convertible_v<RunId, DaemonKey>);
    EXPECT_FALSE(RunId{});
    EXPECT_TRUE(RunId{1});
    EXPECT_LT(RunId{1}, RunId{2});
    EXPECT_EQ((std::unordered_set<RunId>{RunId{1}, RunId{1}, RunId{2}}).size(), 2U);
}

TEST(ExitStatusText, says_how_a_run_ended) {
    EXPECT_EQ(describe(ExitStatus::exited(1)), "exit code 1");
    EXPECT_EQ(describe(ExitStatus::exited(-1073741819)), "exit code 0xC0000005 (access violation)");
    EXPECT_EQ(describe(ExitStatus::exited(-2)), "exit code 0xFFFFFFFE");
    EXPECT_EQ(exit_code_text(0xC0000005), "0xC0000005 (access violation)");
    EXPECT_EQ(exit_code_text(2147483647), "2147483647");
    EXPECT_EQ(describe(ExitStatus::signalled(15)), "signal SIGTERM");
    EXPECT_EQ(describe(ExitStatus::unknown()), "unknown exit status");
    ExitStatus killed = ExitStatus::signalled(9);
    killed.oom_killed = true;
    EXPECT_EQ(describe(killed), "signal SIGKILL (out of memory)");
}

TEST(Signals, are_read_by_name_and_number) {
    for (const std::string_view word : {"SIGTERM", "TERM", "term", "sigterm", "15"}) {
        EXPECT_EQ(parse_signal(word), 15) << word;
    }
    EXPECT_EQ(parse_signal("SIGRTMIN"), 34);
    EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37);
    EXPECT_EQ(parse_signal("RTMAX"), 64);
}

TEST(Signals, unknown_ones_are_nothing) {
    for (const std::string_view word :
         {"", "SIG", "0", "65", "-1", "SIGRTMIN+31", "SIGRTMIN+-1", "NOPE", "15 "}) {
        EXPECT_FALSE(parse_signal(word)) << word;
    }
}

TEST(Signals, every_number_reads_back_from_its_name) {
    for (std::int32_t number = 1; number <= 64; ++number) {
        if (number == 32 || number == 33) continue;
        EXPECT_EQ(parse_signal(signal_name(number)), number);
    }
    EXPECT_EQ(signal_name(99), "SIG99");
}

TEST(Random, seed_replays_the_sequence) {
    Random a(42);
    Random b(42);
    Random c(43);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const auto value = a.next();
        EXPECT_EQ(value, b.next());
        differs = differs || value != c.next();
    }
    EXPECT_TRUE(differs);
}

TEST(Random, stays_below_its_bound_and_reaches_all_of_it) {
    Random random(1);
    std::unordered_set<std::uint32_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto value = random.below(7);
        ASSERT_LT(value, 7U);
        seen.insert(value);
        const double unit = random.unit();
        ASSERT_TRUE(unit >= 0 && unit < 1);
    }
    EXPECT_EQ(seen.size(), 7U);
    EXPECT_EQ(random.below(0), 0U);
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
}

TEST(AssertDeathTest, broken_invariant_prints_its_reason_and_aborts) {
    EXPECT_DEATH(SYSPULSE_ASSERT(1 + 1 == 3, "sums are right"),
                 "broken invariant at .*sums are right");
}

TEST(Log, shows_what_reaches_the_level_literally) {
    testing::internal::CaptureStderr();
    log::set_level(log::Level::info);
    log::debug("quiet");
    log::info("braces {} and % stay");
    log::set_level(log::Level::off);
    log::error("silenced");
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_THAT(text, testing::HasSubstr("info braces {} and % stay\n"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("quiet")));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("silenced")));
}

}  // namespace
}  // namespace syspulse
