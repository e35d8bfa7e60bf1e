// Cron expressions: syntax, errors, and firing times in UTC, against a brute-force reference.
#include "model/schedule.hpp"

#include <gmock/gmock.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace syspulse::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

WallTime at(std::string_view text) {
    return parse_rfc3339(text).value();
}

Schedule utc(const std::string& expression) {
    return Schedule::parse(expression, "UTC").value();
}

std::string next(const std::string& expression, std::string_view after) {
    const auto fired = utc(expression).next(at(after), WallTime{});
    return fired ? format_rfc3339(*fired) : "never";
}

std::string error_of(std::string_view expression) {
    const auto schedule = Schedule::parse(expression, "UTC");
    return schedule ? "accepted" : schedule.error().message;
}

TEST(Schedule, daily_job_fires_at_its_hour) {
    EXPECT_EQ(next("0 3 * * *", "2026-11-24T02:59:59.999Z"), "2026-11-24T03:00:00.000Z");
}

TEST(Schedule, next_is_strictly_after_the_given_moment) {
    EXPECT_EQ(next("0 3 * * *", "2026-11-24T03:00:00Z"), "2026-11-25T03:00:00.000Z");
    EXPECT_EQ(next("0 3 * * *", "2026-11-24T03:00:00.001Z"), "2026-11-25T03:00:00.000Z");
}

TEST(Schedule, six_fields_lead_with_seconds) {
    EXPECT_EQ(next("*/20 * * * * *", "2026-11-24T00:00:05Z"), "2026-11-24T00:00:20.000Z");
    EXPECT_EQ(next("30 0 0 1 1 *", "2026-11-24T00:00:00Z"), "2027-01-01T00:00:30.000Z");
}

TEST(Schedule, steps_start_where_their_range_starts) {
    EXPECT_EQ(next("0/15 * * * *", "2026-11-24T00:16:00Z"), "2026-11-24T00:30:00.000Z");
    EXPECT_EQ(next("10-40/5 * * * *", "2026-11-24T00:40:00Z"), "2026-11-24T01:10:00.000Z");
    EXPECT_EQ(next("7/20 * * * *", "2026-11-24T00:28:00Z"), "2026-11-24T00:47:00.000Z");
    EXPECT_EQ(next("*/5 * * * *", "2026-11-24T23:55:00Z"), "2026-11-25T00:00:00.000Z");
}

TEST(Schedule, names_are_accepted_in_any_case) {
    EXPECT_EQ(next("0 0 * jan Mon", "2026-11-24T00:00:00Z"), "2027-01-04T00:00:00.000Z");
    EXPECT_EQ(next("0 0 ? FEB-mar FRI-SUN", "2026-11-24T00:00:00Z"), "2027-02-05T00:00:00.000Z");
}

TEST(Schedule, seven_and_zero_are_sunday) {
    EXPECT_EQ(next("0 0 * * 7", "2026-11-24T00:00:00Z"), "2026-11-29T00:00:00.000Z");
    EXPECT_EQ(next("0 0 * * 0", "2026-11-24T00:00:00Z"), "2026-11-29T00:00:00.000Z");
    EXPECT_EQ(next("0 0 * * 6-7", "2026-11-28T00:00:00Z"), "2026-11-29T00:00:00.000Z");
}

TEST(Schedule, at_weekly_fires_on_sunday_midnight) {
    EXPECT_EQ(next("@weekly", "2026-11-24T00:00:00Z"), "2026-11-29T00:00:00.000Z");
}

TEST(Schedule, macros_stand_for_their_fields) {
    EXPECT_EQ(next("@hourly", "2026-11-24T10:10:00Z"), "2026-11-24T11:00:00.000Z");
    EXPECT_EQ(next("@daily", "2026-11-24T10:10:00Z"), "2026-11-25T00:00:00.000Z");
    EXPECT_EQ(next("@midnight", "2026-11-24T10:10:00Z"), "2026-11-25T00:00:00.000Z");
    EXPECT_EQ(next("@monthly", "2026-11-24T10:10:00Z"), "2026-12-01T00:00:00.000Z");
    EXPECT_EQ(next("@yearly", "2026-11-24T10:10:00Z"), "2027-01-01T00:00:00.000Z");
    EXPECT_EQ(next("@annually", "2026-11-24T10:10:00Z"), "2027-01-01T00:00:00.000Z");
}

TEST(Schedule, either_day_field_is_enough_when_neither_is_wild) {
    EXPECT_EQ(next("0 0 13 * FRI", "2026-11-24T00:00:00Z"), "2026-11-27T00:00:00.000Z");
    EXPECT_EQ(next("0 0 25 * FRI", "2026-11-24T00:00:00Z"), "2026-11-25T00:00:00.000Z");
}

TEST(Schedule, both_day_fields_must_match_when_one_starts_with_a_wildcard) {
    EXPECT_EQ(next("0 0 */2 * MON", "2026-11-24T00:00:00Z"), "2026-12-07T00:00:00.000Z");
    EXPECT_EQ(next("0 0 ? * MON", "2026-11-24T00:00:00Z"), "2026-11-30T00:00:00.000Z");
}

TEST(Schedule, leap_day_is_found_also_over_a_century_without_one) {
    EXPECT_EQ(next("0 0 29 2 *", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00.000Z");
    EXPECT_EQ(next("0 0 29 2 *", "2096-02-29T00:00:00Z"), "2104-02-29T00:00:00.000Z");
    EXPECT_EQ(next("0 0 29 2 *", "1999-03-01T00:00:00Z"), "2000-02-29T00:00:00.000Z");
    EXPECT_EQ(next("0 0 29 2 */7", "2088-03-01T00:00:00Z"), "2128-02-29T00:00:00.000Z");
}

TEST(Schedule, every_counts_from_the_anchor) {
    const Schedule every = utc("@every 90s");
    const WallTime anchor = at("2026-11-24T00:00:00.250Z");
    EXPECT_EQ(every.next(anchor, anchor), at("2026-11-24T00:01:30.250Z"));
    EXPECT_EQ(every.next(at("2026-11-24T00:01:30.250Z"), anchor), at("2026-11-24T00:03:00.250Z"));
    EXPECT_EQ(every.next(at("2026-11-23T00:00:00Z"), anchor), at("2026-11-24T00:01:30.250Z"));
}

TEST(Schedule, reboot_fires_at_start_and_never_again) {
    EXPECT_TRUE(utc("@reboot").at_start());
    EXPECT_FALSE(utc("@daily").at_start());
    EXPECT_EQ(next("@reboot", "2026-11-24T00:00:00Z"), "never");
}

TEST(Schedule, zone_in_the_expression_wins) {
    for (const std::string prefix : {"TZ=Asia/Kathmandu ", "CRON_TZ=Asia/Kathmandu  "}) {
        EXPECT_EQ(next(prefix + "0 3 * * *", "2026-11-24T00:00:00Z"), "2026-11-24T21:15:00.000Z");
    }
}

TEST(Schedule, expression_is_kept_as_written_but_for_outer_space) {
    EXPECT_EQ(utc("  TZ=UTC\t0 3 * * * ").expression(), "TZ=UTC\t0 3 * * *");
}

TEST(Schedule, moments_at_the_ends_of_time_are_answered) {
    const Schedule daily = utc("@daily");
    EXPECT_TRUE(daily.next(WallTime::min(), WallTime::min()));
    EXPECT_FALSE(daily.next(WallTime::max(), WallTime::max()));
    EXPECT_TRUE(utc("@every 1h").next(WallTime::max(), WallTime::min()));
}

TEST(Schedule, errors_name_the_field_what_was_found_and_what_is_allowed) {
    EXPECT_EQ(
        error_of("61 * * * *"),
        "cannot use schedule \"61 * * * *\": minute \"61\" is out of range; allowed are 0-59, *, "
        "ranges such as 1-3, and steps such as */2");
    EXPECT_THAT(error_of("* 24 * * *"), HasSubstr("hour \"24\" is out of range; allowed are 0-23"));
    EXPECT_THAT(error_of("* * 0 * *"),
                HasSubstr("day-of-month \"0\" is out of range; allowed are 1-31"));
    EXPECT_THAT(error_of("* * * JAM *"),
                HasSubstr("month \"JAM\" is not a value; allowed are 1-12 and JAN-DEC"));
    EXPECT_THAT(error_of("* * * * 8"),
                HasSubstr("day-of-week \"8\" is out of range; allowed are 0-7"));
    EXPECT_THAT(error_of("60 * * * * *"), HasSubstr("second \"60\""));
    EXPECT_THAT(error_of("@evry 5m"), HasSubstr("unknown macro @evry"));
    EXPECT_THAT(error_of("@daily 5m"), HasSubstr("@daily takes nothing after it"));
    EXPECT_THAT(error_of("40-10 * * * *"), HasSubstr("minute range \"40-10\" runs backwards"));
    EXPECT_THAT(error_of("*/0 * * * *"), HasSubstr("minute step \"0\" is not a positive number"));
    EXPECT_THAT(error_of("*/90 * * * *"), HasSubstr("minute step \"90\" is larger than 60"));
    EXPECT_THAT(error_of("1,,2 * * * *"),
                HasSubstr("minute has an empty item in the list \"1,,2\""));
}

TEST(Schedule, malformed_texts_are_refused) {
    for (const std::string_view text : {"",
                                        " ",
                                        "* * * *",
                                        "* * * * * * *",
                                        "@",
                                        "@dailyy",
                                        "@daily x",
                                        "@every",
                                        "@every 0s",
                                        "@every 1ms",
                                        "@every x",
                                        "TZ=",
                                        "TZ=UTC",
                                        "TZ= * * * * *",
                                        "-1 * * * *",
                                        "1- * * * *",
                                        "1-2-3 * * * *",
                                        "*/ * * * *",
                                        "1/2/3 * * * *",
                                        "+1 * * * *",
                                        "0x1 * * * *",
                                        "99999999999 * * * *",
                                        "*5 * * * *",
                                        "* * L * *",
                                        "* * * * 1#2",
                                        "@every 999999w"}) {
        EXPECT_NE(error_of(text), "accepted") << text;
    }
    EXPECT_NE(error_of(std::string(300, '1')), "accepted");
}

TEST(Schedule, expression_that_can_never_fire_is_an_error) {
    for (const std::string_view text : {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 FEB ?"}) {
        EXPECT_THAT(error_of(text), HasSubstr("it never fires")) << text;
    }
}

TEST(Schedule, impossible_date_with_a_weekday_fires_on_the_weekday) {
    EXPECT_EQ(next("0 0 30 2 MON", "2026-11-24T00:00:00Z"), "2027-02-01T00:00:00.000Z");
}

// The reference: each field as the set of its values, and time tried minute by minute.
struct Reference {
    std::array<std::set<int>, 5> values;
    std::array<bool, 5> wild{};

    bool matches(std::int64_t minute_since_epoch) const {
        using namespace std::chrono;
        const sys_days day{floor<days>(minutes{minute_since_epoch})};
        const year_month_day date{day};
        const auto of_day = static_cast<int>(minute_since_epoch -
                                             sys_time<minutes>(day).time_since_epoch().count());
        const bool dom = values[2].contains(static_cast<int>(static_cast<unsigned>(date.day())));
        const bool dow = values[4].contains(static_cast<int>(weekday{day}.c_encoding()));
        return values[0].contains(of_day % 60) && values[1].contains(of_day / 60) &&
               values[3].contains(static_cast<int>(static_cast<unsigned>(date.month()))) &&
               (!wild[2] && !wild[4] ? dom || dow : dom && dow);
    }
};

std::string random_field(Random& random, int low, int high, std::set<int>& values, bool& wild) {
    const auto pick = [&](int from, int to) {
        return from + static_cast<int>(random.below(static_cast<std::uint32_t>(to - from + 1)));
    };
    const auto add = [&](int from, int to, int step) {
        for (int v = from; v <= to; v += step) values.insert(v);
    };
    wild = random.chance(0.4);
    const int step = pick(1, 7);
    if (wild) {
        add(low, high, step);
        return "*/" + std::to_string(step);
    }
    std::string text;
    for (int items = pick(1, 3); items > 0; --items) {
        const int from = pick(low, high);
        const int to = pick(from, high);
        add(from, to, step);
        text += std::to_string(from) + "-" + std::to_string(to) + "/" + std::to_string(step);
        if (items > 1) text += ",";
    }
    return text;
}

TEST(Schedule, random_expressions_agree_with_trying_every_minute) {
    constexpr std::int64_t first_minute = 29'000'000;  // In February 2025.
    constexpr std::int64_t horizon = 200 * 24 * 60;
    constexpr std::array<std::pair<int, int>, 5> bounds{
        {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}};
    Random random(20261124);
    for (int round = 0; round < 100; ++round) {
        Reference reference;
        std::string text;
        for (std::size_t i = 0; i < bounds.size(); ++i) {
            text += random_field(random, bounds[i].first, bounds[i].second, reference.values[i],
                                 reference.wild[i]);
            text += " ";
        }
        const auto schedule = Schedule::parse(text, "UTC");
        if (!schedule) continue;
        const std::int64_t start = first_minute + random.below(1'000'000);
        std::int64_t expected = start + 1;
        while (expected < start + horizon && !reference.matches(expected)) ++expected;
        const auto fired = schedule->next(from_unix_ms(start * 60'000), WallTime{});
        ASSERT_TRUE(fired) << text;
        const std::int64_t minute = to_unix_ms(*fired) / 60'000;
        ASSERT_TRUE(minute == expected || (expected == start + horizon && minute >= expected))
            << text << " after " << format_rfc3339(from_unix_ms(start * 60'000)) << " gave "
            << format_rfc3339(*fired);
    }
}

}  // namespace
}  // namespace syspulse::model
