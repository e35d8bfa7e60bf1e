// Time as types: an Instant counts monotonic nanoseconds, a WallTime is a moment of the calendar.
// They do not convert into each other, and nothing here reads a clock: that is done in one place,
// platform::Clock, and handed on as a Now.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace syspulse {

using Duration = std::chrono::nanoseconds;

// Tags that give time_point its arithmetic; they have no now() on purpose.
struct MonotonicTag {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = Duration;
    using time_point = std::chrono::time_point<MonotonicTag, Duration>;
    static constexpr bool is_steady = true;
};
struct WallTag {
    using rep = std::int64_t;
    using period = std::milli;
    using duration = std::chrono::milliseconds;
    using time_point = std::chrono::time_point<WallTag, std::chrono::milliseconds>;
    static constexpr bool is_steady = false;
};

using Instant = std::chrono::time_point<MonotonicTag, Duration>;
// Milliseconds since 1970-01-01T00:00:00Z.
using WallTime = std::chrono::time_point<WallTag, std::chrono::milliseconds>;

// One reading of both clocks.
struct Now {
    Instant mono;
    WallTime wall;
};

constexpr std::int64_t to_unix_ms(WallTime t) noexcept {
    return t.time_since_epoch().count();
}
constexpr WallTime from_unix_ms(std::int64_t ms) noexcept {
    return WallTime{std::chrono::milliseconds{ms}};
}

// "2026-11-24T00:19:39.123Z".
std::string format_rfc3339(WallTime t);

// Accepts RFC 3339 with "Z" or a numeric offset and an optional fraction.
Result<WallTime> parse_rfc3339(std::string_view text);

// A positive length of time: a number with a unit (ns, us, ms, s, m, h, d, w), units combined as in
// "1h30m"; a bare number counts seconds. Fractions are allowed ("1.5s").
Result<Duration> parse_duration(std::string_view text);

// Shortest exact-enough form for people: "350ms", "12s", "4m 3s", "2h 5m", "3d 4h".
std::string format_duration(Duration d);

}  // namespace syspulse
