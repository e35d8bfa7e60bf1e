// Reading and writing times and durations.
#include "base/time.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace syspulse {
namespace {

using namespace std::chrono_literals;

TEST(Time, rfc3339_has_milliseconds_and_utc) {
    EXPECT_EQ(format_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(from_unix_ms(1'795'479'579'123)), "2026-11-24T00:19:39.123Z");
    EXPECT_EQ(format_rfc3339(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Time, rfc3339_reads_offsets_and_fractions) {
    EXPECT_EQ(parse_rfc3339("2026-11-24T01:19:39.1239+01:00").value(),
              from_unix_ms(1'795'479'579'123));
    EXPECT_EQ(parse_rfc3339("1970-01-01 00:00:00z").value(), from_unix_ms(0));
    EXPECT_EQ(parse_rfc3339("1969-12-31T19:00:00.5-05:00").value(), from_unix_ms(500));
}

TEST(Time, malformed_rfc3339_is_refused) {
    for (const std::string_view text :
         {"", "2026-11-24", "2026-11-24T00:00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
          "2026-11-24T24:00:00Z", "2026-11-24T00:60:00Z", "2026-11-24T00:00:00.Z",
          "2026-11-24T00:00:00Zx", "2026-11-24T00:00:00+24:00", "2026-11-24T00:00:00+0100",
          "x026-11-24T00:00:00Z"}) {
        EXPECT_FALSE(parse_rfc3339(text)) << text;
    }
}

TEST(Time, durations_have_units_that_combine) {
    const std::pair<std::string_view, Duration> cases[] = {
        {"30", 30s},  {"1.5", 1500ms}, {"1.5s", 1500ms}, {"250ms", 250ms},
        {"5us", 5us}, {"7ns", 7ns},    {"5m", 5min},     {"1h30m", 90min},
        {"2d", 48h},  {"1w", 168h},    {"0s", 0s},       {"1h1m1s1ms", 3'661'001ms}};
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(parse_duration(text).value(), expected) << text;
}

TEST(Time, malformed_durations_are_refused) {
    for (const std::string_view text : {"", "s", "-5s", "5 s", "5x", "1h30", "30 ", "1e3s", "inf",
                                        "nan", "5S", "1..5s", "99999999w", "--1"}) {
        const auto parsed = parse_duration(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    }
}

TEST(Time, durations_read_well) {
    EXPECT_EQ(format_duration(0ms), "0ms");
    EXPECT_EQ(format_duration(350ms), "350ms");
    EXPECT_EQ(format_duration(12s), "12s");
    EXPECT_EQ(format_duration(243s), "4m 3s");
    EXPECT_EQ(format_duration(125min), "2h 5m");
    EXPECT_EQ(format_duration(76h), "3d 4h");
}

}  // namespace
}  // namespace syspulse
