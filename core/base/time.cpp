#include "base/time.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace syspulse {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::year_month_day;

using SysMillis = std::chrono::sys_time<milliseconds>;

Error malformed(std::string_view what, std::string_view text) {
    return {ErrorCode::invalid_argument,
            "\"" + std::string(text) + "\" is not " + std::string(what)};
}

// Reads exactly `digits` decimal digits at the front of `text` and removes them.
bool take_number(std::string_view& text, std::size_t digits, int& out) {
    if (text.size() < digits) return false;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    out = value;
    return true;
}

bool take_char(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

// A fraction of any length, cut to milliseconds.
bool take_fraction(std::string_view& text, int& millis) {
    millis = 0;
    if (!take_char(text, ".")) return true;
    int scale = 100;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        millis += (text.front() - '0') * scale;
        scale /= 10;
        any = true;
        text.remove_prefix(1);
    }
    return any;
}

bool take_offset(std::string_view& text, minutes& offset) {
    offset = minutes{0};
    if (take_char(text, "Zz")) return true;
    if (text.empty()) return false;
    const bool west = text.front() == '-';
    if (!take_char(text, "+-")) return false;
    int h = 0;
    int m = 0;
    if (!take_number(text, 2, h) || !take_char(text, ":") || !take_number(text, 2, m)) return false;
    if (h > 23 || m > 59) return false;
    offset = hours{h} + minutes{m};
    if (west) offset = -offset;
    return true;
}

struct Unit {
    std::string_view name;
    double nanoseconds;
};
constexpr std::array<Unit, 8> units{{{"ns", 1},
                                     {"us", 1e3},
                                     {"ms", 1e6},
                                     {"s", 1e9},
                                     {"m", 60e9},
                                     {"h", 3600e9},
                                     {"d", 86400e9},
                                     {"w", 604800e9}}};

const Unit* find_unit(std::string_view name) {
    for (const Unit& u : units) {
        if (u.name == name) return &u;
    }
    return nullptr;
}

}  // namespace

std::string format_rfc3339(WallTime t) {
    const SysMillis when{t.time_since_epoch()};
    const auto day = floor<days>(when);
    const year_month_day date{day};
    const std::chrono::hh_mm_ss<milliseconds> clock{when - day};
    std::array<char, 64> text{};
    const int n = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count()));
    return {text.data(), static_cast<std::size_t>(n)};
}

Result<WallTime> parse_rfc3339(std::string_view text) {
    std::string_view rest = text;
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millis = 0;
    minutes offset{0};
    const bool ok =
        take_number(rest, 4, year) && take_char(rest, "-") && take_number(rest, 2, month) &&
        take_char(rest, "-") && take_number(rest, 2, day) && take_char(rest, "Tt ") &&
        take_number(rest, 2, hour) && take_char(rest, ":") && take_number(rest, 2, minute) &&
        take_char(rest, ":") && take_number(rest, 2, second) && take_fraction(rest, millis) &&
        take_offset(rest, offset) && rest.empty();
    const year_month_day date{std::chrono::year{year},
                              std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}};
    if (!ok || !date.ok() || hour > 23 || minute > 59 || second > 60) {
        return malformed("a time such as 2026-11-24T08:00:00Z", text);
    }
    const auto utc = std::chrono::sys_days{date} + hours{hour} + minutes{minute} + seconds{second} +
                     milliseconds{millis} - offset;
    return WallTime{std::chrono::duration_cast<milliseconds>(utc.time_since_epoch())};
}

Result<Duration> parse_duration(std::string_view text) {
    constexpr std::string_view expected = "a duration such as 30s, 5m or 1h30m";
    std::string_view rest = text;
    double total = 0;
    if (rest.empty()) return malformed(expected, text);
    while (!rest.empty()) {
        const std::size_t before = rest.size();
        double number = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number,
                                                  std::chars_format::fixed);
        if (error != std::errc{} || rest.front() == '-') return malformed(expected, text);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        std::size_t letters = 0;
        while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
        // A number without a unit counts seconds only when it is the whole text: "1h30" is
        // ambiguous.
        if (letters == 0 && (before != text.size() || !rest.empty()))
            return malformed(expected, text);
        const Unit* unit = find_unit(letters == 0 ? "s" : rest.substr(0, letters));
        if (unit == nullptr) return malformed(expected, text);
        total += number * unit->nanoseconds;
        rest.remove_prefix(letters);
    }
    // About 290 years fit into 64 bits of nanoseconds; a century is enough for any supervisor.
    if (!std::isfinite(total) || total > 36525.0 * 86400e9) return malformed(expected, text);
    return Duration{static_cast<std::int64_t>(std::llround(total))};
}

std::string format_duration(Duration d) {
    const auto ms = std::chrono::duration_cast<milliseconds>(d).count();
    if (ms < 1000) return std::to_string(ms) + "ms";
    const auto s = ms / 1000;
    if (s < 60) return std::to_string(s) + "s";
    if (s < 3600) return std::to_string(s / 60) + "m " + std::to_string(s % 60) + "s";
    if (s < 86400) return std::to_string(s / 3600) + "h " + std::to_string(s % 3600 / 60) + "m";
    return std::to_string(s / 86400) + "d " + std::to_string(s % 86400 / 3600) + "h";
}

}  // namespace syspulse
