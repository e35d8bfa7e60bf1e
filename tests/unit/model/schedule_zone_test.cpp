// Schedules where clocks are put forward and back, and the finding of time zones.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "model/schedule.hpp"

namespace syspulse::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The firing times in (from, to], in UTC, without seconds.
std::vector<std::string> firings(std::string_view zone, std::string_view expression,
                                 std::string_view from, std::string_view to) {
    const Schedule schedule = Schedule::parse(expression, zone).value();
    const WallTime end = parse_rfc3339(to).value();
    std::vector<std::string> times;
    auto fired = schedule.next(parse_rfc3339(from).value(), WallTime{});
    while (fired && *fired <= end && times.size() < 50) {
        times.push_back(format_rfc3339(*fired).substr(5, 11));
        fired = schedule.next(*fired, WallTime{});
    }
    return times;
}

std::string zone_error_of(std::string_view zone) {
    const auto schedule = Schedule::parse("@daily", zone);
    return schedule ? "accepted" : schedule.error().message;
}

// Berlin 2026: forward on 29 March 01:00Z (02:00 to 03:00), back on 25 October 01:00Z (03:00 to
// 02:00).
TEST(ScheduleZone, skipped_fixed_hour_runs_once_right_after_the_jump) {
    EXPECT_THAT(
        firings("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z"),
        ElementsAre("03-28T01:30", "03-29T01:00", "03-30T00:30"));
}

// The lists of the zone files end in 2037; from then on the rule in their last line holds.
TEST(ScheduleZone, daylight_saving_goes_on_after_2037) {
    EXPECT_THAT(
        firings("Europe/Berlin", "30 2 * * *", "2040-03-24T00:00:00Z", "2040-03-26T12:00:00Z"),
        ElementsAre("03-24T01:30", "03-25T01:00", "03-26T00:30"));
    EXPECT_THAT(
        firings("Europe/Berlin", "30 2 * * *", "2040-10-27T00:00:00Z", "2040-10-29T12:00:00Z"),
        ElementsAre("10-27T00:30", "10-28T00:30", "10-29T01:30"));
    EXPECT_THAT(
        firings("America/New_York", "0 12 * * *", "2040-07-01T00:00:00Z", "2040-07-01T23:00:00Z"),
        ElementsAre("07-01T16:00"));
    EXPECT_THAT(
        firings("Australia/Sydney", "0 12 1 1,7 *", "2040-01-01T00:00:00Z", "2040-12-31T00:00:00Z"),
        ElementsAre("01-01T01:00", "07-01T02:00"));
    EXPECT_THAT(firings("Asia/Tokyo", "0 12 1 7 *", "2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z"),
                ElementsAre("07-01T03:00"));
    EXPECT_THAT(
        firings("Africa/Casablanca", "0 12 1 1 *", "2090-01-01T00:00:00Z", "2090-01-02T00:00:00Z"),
        ElementsAre("01-01T11:00"));
}

// The change at the end of the list is the rule's as well: nothing is doubled or lost between them.
TEST(ScheduleZone, the_end_of_the_list_is_no_seam) {
    EXPECT_THAT(
        firings("Europe/Berlin", "30 2 * * *", "2037-10-24T00:00:00Z", "2037-10-26T12:00:00Z"),
        ElementsAre("10-24T00:30", "10-25T00:30", "10-26T01:30"));
    EXPECT_THAT(
        firings("Europe/Berlin", "30 2 * * *", "2038-03-27T00:00:00Z", "2038-03-29T12:00:00Z"),
        ElementsAre("03-27T01:30", "03-28T01:00", "03-29T00:30"));
}

TEST(ScheduleZone, many_skipped_times_run_once) {
    EXPECT_THAT(
        firings("Europe/Berlin", "*/10 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z"),
        ElementsAre("03-29T01:00"));
    EXPECT_THAT(
        firings("Europe/Berlin", "*/30 2-3 * * *", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z"),
        ElementsAre("03-29T01:00", "03-29T01:30"));
}

TEST(ScheduleZone, repeated_fixed_hour_runs_once_at_the_first) {
    EXPECT_THAT(
        firings("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        ElementsAre("10-25T00:30", "10-26T01:30"));
    EXPECT_THAT(
        firings("Europe/Berlin", "*/30 2 * * *", "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z"),
        ElementsAre("10-25T00:30"));
}

TEST(ScheduleZone, wildcard_hours_follow_elapsed_time) {
    EXPECT_THAT(
        firings("Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z"),
        ElementsAre("03-29T00:30", "03-29T01:30", "03-29T02:30"));
    EXPECT_THAT(
        firings("Europe/Berlin", "30 * * * *", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"),
        ElementsAre("10-25T00:30", "10-25T01:30", "10-25T02:30"));
    EXPECT_THAT(
        firings("Europe/Berlin", "0 */2 * * *", "2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z"),
        ElementsAre("10-25T00:00", "10-25T01:00", "10-25T03:00"));
}

TEST(ScheduleZone, half_hour_daylight_saving_of_lord_howe) {
    // Forward on 4 October 2026 15:30Z the day before (02:00 to 02:30), back on 5 April 15:00Z
    // (02:00 to 01:30).
    EXPECT_THAT(firings("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z",
                        "2026-10-05T00:00:00Z"),
                ElementsAre("10-03T15:30", "10-04T15:15"));
    EXPECT_THAT(firings("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z",
                        "2026-04-06T00:00:00Z"),
                ElementsAre("04-04T14:45", "04-05T15:15"));
    EXPECT_THAT(firings("Australia/Lord_Howe", "45 * * * *", "2026-04-04T14:00:00Z",
                        "2026-04-04T16:30:00Z"),
                ElementsAre("04-04T14:45", "04-04T15:15", "04-04T16:15"));
}

TEST(ScheduleZone, midnight_that_sao_paulo_skipped) {
    // On 4 November 2018 the clocks went from 00:00 to 01:00, at 03:00Z.
    EXPECT_THAT(
        firings("America/Sao_Paulo", "@daily", "2018-11-03T00:00:00Z", "2018-11-05T12:00:00Z"),
        ElementsAre("11-03T03:00", "11-04T03:00", "11-05T02:00"));
    // On 18 February 2018 they went from 00:00 back to 23:00 of the 17th, at 02:00Z.
    EXPECT_THAT(
        firings("America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00:00Z", "2018-02-19T12:00:00Z"),
        ElementsAre("02-18T01:30", "02-19T02:30"));
    EXPECT_THAT(
        firings("America/Sao_Paulo", "@daily", "2018-02-17T00:00:00Z", "2018-02-19T12:00:00Z"),
        ElementsAre("02-17T02:00", "02-18T03:00", "02-19T03:00"));
}

TEST(ScheduleZone, kathmandu_is_five_hours_and_three_quarters_ahead) {
    EXPECT_THAT(
        firings("Asia/Kathmandu", "0 6 * * *", "2026-11-24T00:00:00Z", "2026-11-26T00:00:00Z"),
        ElementsAre("11-24T00:15", "11-25T00:15"));
}

TEST(ScheduleZone, negative_daylight_saving_of_dublin) {
    EXPECT_THAT(
        firings("Europe/Dublin", "30 1 * * *", "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z"),
        ElementsAre("03-28T01:30", "03-29T01:00", "03-30T00:30"));
    EXPECT_THAT(
        firings("Europe/Dublin", "30 1 * * *", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        ElementsAre("10-25T00:30", "10-26T01:30"));
}

TEST(ScheduleZone, day_that_samoa_skipped_runs_once_after_the_jump) {
    EXPECT_THAT(
        firings("Pacific/Apia", "0 12 * * *", "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"),
        ElementsAre("12-29T22:00", "12-30T10:00", "12-30T22:00"));
}

TEST(ScheduleZone, leap_day_is_found_over_many_clock_changes) {
    EXPECT_THAT(
        firings("America/New_York", "0 0 29 2 *", "2025-01-01T00:00:00Z", "2033-01-01T00:00:00Z"),
        ElementsAre("02-29T05:00", "02-29T05:00"));
}

TEST(ScheduleZone, old_and_linked_names_are_known) {
    EXPECT_THAT(firings("US/Eastern", "0 0 * * *", "2026-07-01T00:00:00Z", "2026-07-01T12:00:00Z"),
                ElementsAre("07-01T04:00"));
}

TEST(ScheduleZone, local_zone_always_exists) {
    EXPECT_TRUE(Schedule::parse("@daily"));
}

TEST(ScheduleZone, unknown_zone_is_an_error_with_a_close_name) {
    EXPECT_EQ(zone_error_of("Europe/Berln"),
              "cannot use schedule \"@daily\": unknown time zone \"Europe/Berln\"; did you mean "
              "Europe/Berlin?");
    EXPECT_THAT(zone_error_of("europe/berlin"), HasSubstr("did you mean Europe/Berlin?"));
    EXPECT_THAT(zone_error_of("Foo"), HasSubstr("write an IANA name"));
    EXPECT_THAT(zone_error_of("kathmandu"), HasSubstr("did you mean Asia/Kathmandu?"));
    EXPECT_THAT(zone_error_of("Middle-Earth/Mordor"), HasSubstr("write an IANA name"));
    EXPECT_THAT(zone_error_of("../../etc/passwd"), HasSubstr("unknown time zone"));
}

}  // namespace
}  // namespace syspulse::model
