// The system's files of time zones: which are found, and what is read from them.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "model/schedule_zone.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::model {
namespace {

using testing::HasSubstr;

constexpr UtcSeconds year_2020 = 1'577'836'800;
constexpr UtcSeconds year_2038 = 2'145'916'800;
constexpr UtcSeconds year_2500 = 16'725'225'600;
constexpr UtcSeconds four_centuries = UtcSeconds{146'097} * 86'400;

// Berlin and New York have summer time, Casablanca a list of its own up to 2087, Lord Howe half an
// hour, Nuuk a change before midnight, Kathmandu none.
const char* const zones[] = {"Europe/Berlin",       "America/New_York", "Africa/Casablanca",
                             "Australia/Lord_Howe", "America/Nuuk",     "Asia/Kathmandu"};

std::string error_of(const char* name) {
    const auto zone = TimeZone::find(name);
    return zone ? "found" : zone.error().message;
}

TEST(ZoneFiles, one_period_follows_the_other) {
    for (const char* name : zones) {
        const TimeZone zone = TimeZone::find(name).value();
        OffsetPeriod period = zone.period_at(year_2020);
        while (period.end < year_2500) {
            const OffsetPeriod next = zone.period_at(period.end);
            ASSERT_EQ(next.begin, period.end) << name;
            ASSERT_EQ(zone.period_at(period.end - 1).begin, period.begin) << name;
            period = next;
        }
    }
}

TEST(ZoneFiles, the_rule_holds_as_long_as_the_calendar) {
    for (const char* name : zones) {
        const TimeZone zone = TimeZone::find(name).value();
        // Casablanca's list is no rule.
        if (name == std::string("Africa/Casablanca")) continue;
        for (UtcSeconds month = 0; month < 24; ++month) {
            const UtcSeconds moment = year_2038 + month * 30 * 86'400;
            const OffsetPeriod now = zone.period_at(moment);
            for (UtcSeconds later = four_centuries; later < 19 * four_centuries;
                 later += four_centuries) {
                const OffsetPeriod then = zone.period_at(moment + later);
                ASSERT_EQ(then.offset, now.offset) << name << " at " << moment + later;
                if (now.end == OffsetPeriod::latest) continue;
                ASSERT_EQ(then.begin, now.begin + later) << name;
                ASSERT_EQ(then.end, now.end + later) << name;
            }
        }
    }
}

// America/Nuuk, with the rule <-02>2<-01>,M3.5.0/-1,M10.5.0/0.
TEST(ZoneFiles, a_change_before_midnight_is_understood) {
    const TimeZone nuuk = TimeZone::find("America/Nuuk").value();
    const OffsetPeriod summer = nuuk.period_at(2'224'972'800);  // 2040-07-04
    EXPECT_EQ(summer.offset, -3600);
    EXPECT_EQ(summer.begin, 2'216'250'000);  // 2040-03-25T01:00:00Z
}

TEST(ZoneFiles, what_lies_beside_the_zones_is_none) {
    for (const char* name : {"zone.tab", "tzdata.zi", "Europe", "posix/Europe/Berlin", "right/UTC",
                             "Factory", "/etc/localtime", "./Europe/Berlin", "Europe/../Iceland",
                             "Europe//Berlin", "Europe/Berlin/"})
        EXPECT_THAT(error_of(name), HasSubstr("unknown time zone")) << name;
}

class OtherDatabase : public testing::Test {
  protected:
    OtherDatabase() { setenv("TZDIR", directory_.path().c_str(), 1); }
    ~OtherDatabase() override { unsetenv("TZDIR"); }

    test::TemporaryDirectory directory_;
};

TEST_F(OtherDatabase, is_used_instead) {
    std::filesystem::create_directories(directory_.path() / "Mars");
    std::filesystem::copy("/usr/share/zoneinfo/Asia/Kathmandu", directory_.path() / "Mars/Olympus");
    EXPECT_EQ(TimeZone::find("Mars/Olympus").value().period_at(year_2020).offset, 20'700);
    EXPECT_THAT(error_of("mars/olympos"), HasSubstr("did you mean Mars/Olympus?"));
    EXPECT_THAT(error_of("Europe/Berlin"), HasSubstr("unknown time zone"));
}

TEST_F(OtherDatabase, with_a_damaged_file_says_which) {
    std::ofstream(directory_.path() / "Damaged") << "TZif2 and no more";
    EXPECT_EQ(error_of("Damaged"),
              "cannot read time zone \"Damaged\": " + (directory_.path() / "Damaged").string() +
                  " is not a zone that can be used; is tzdata installed?");
}

TEST_F(OtherDatabase, that_is_not_there_is_no_unknown_name) {
    setenv("TZDIR", (directory_.path() / "nowhere").c_str(), 1);
    EXPECT_THAT(error_of("Europe/Berlin"), HasSubstr("nowhere; is tzdata installed?"));
}

}  // namespace
}  // namespace syspulse::model
