// The fields of a cron expression as bit sets, and the search for the next matching reading of a
// local clock. Knows neither time zones nor daylight saving; schedule.cpp puts those on top.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace syspulse::model {

// What a wall clock in some zone shows, as seconds since 1970-01-01T00:00:00 on that clock.
using LocalSeconds = std::int64_t;

// Bit N of a set stands for the value N.
struct CronFields {
    std::uint64_t seconds = 1;
    std::uint64_t minutes = 0;
    std::uint64_t hours = 0;
    std::uint64_t days_of_month = 0;
    std::uint64_t months = 0;
    std::uint64_t days_of_week = 0;  // Sunday is 0.
    bool any_hour = false;           // The hour field starts with a wildcard.
    bool either_day =
        false;  // One matching day field is enough, as neither starts with a wildcard.

    // The first matching reading at or after `from`; nothing when there is none in the 400 years in
    // which the calendar repeats itself, so there never is one.
    std::optional<LocalSeconds> next(LocalSeconds from) const;

  private:
    bool matches_day(const std::chrono::year_month_day& date, std::chrono::sys_days day) const;
    std::optional<std::int64_t> next_in_day(std::int64_t second_of_day) const;
};

// Five fields, or six with leading seconds. The error names the field, what was found, and what is
// allowed.
Result<CronFields> parse_cron_fields(std::string_view text);

}  // namespace syspulse::model
