#include "model/schedule_fields.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <span>
#include <string>
#include <vector>

namespace syspulse::model {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::int64_t seconds_per_day = 86400;
constexpr std::array<std::string_view, 12> month_names{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> day_names{"SUN", "MON", "TUE", "WED",
                                                    "THU", "FRI", "SAT"};

struct FieldKind {
    std::string_view name;
    unsigned low;
    unsigned high;           // Where `*` and an open `N/step` end.
    unsigned accepted_high;  // The highest number that may be written; 7 for Sunday.
    std::span<const std::string_view> names = {};  // names[i] stands for low + i.
};

constexpr std::array<FieldKind, 6> field_kinds{{{"second", 0, 59, 59},
                                                {"minute", 0, 59, 59},
                                                {"hour", 0, 23, 23},
                                                {"day-of-month", 1, 31, 31},
                                                {"month", 1, 12, 12, month_names},
                                                {"day-of-week", 0, 6, 7, day_names}}};

constexpr bool is_space(char c) {
    return c == ' ' || c == '\t';
}

constexpr bool is_wildcard(char c) {
    return c == '*' || c == '?';
}

std::vector<std::string_view> split(std::string_view text, auto is_separator, bool keep_empty) {
    std::vector<std::string_view> parts;
    std::size_t start = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && !is_separator(text[i])) continue;
        if (i > start || keep_empty) parts.push_back(text.substr(start, i - start));
        start = i + 1;
    }
    return parts;
}

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::string allowed(const FieldKind& kind) {
    std::string text = std::to_string(kind.low) + "-" + std::to_string(kind.accepted_high);
    if (!kind.names.empty()) {
        text += " and " + std::string(kind.names.front()) + "-" + std::string(kind.names.back());
    }
    return text;
}

// Parses one field; a class so that every error can name the field and the item it stands in.
class FieldParser {
  public:
    explicit FieldParser(const FieldKind& kind) : kind_(kind) {}

    Result<std::uint64_t> parse(std::string_view field) {
        std::uint64_t bits = 0;
        for (const std::string_view item : split(
                 field, [](char c) { return c == ','; }, true)) {
            item_ = item;
            if (item.empty()) return fail("has an empty item in the list " + quoted(field));
            const auto set = parse_item();
            if (!set) return set.error();
            bits |= *set;
        }
        return bits;
    }

  private:
    struct Range {
        unsigned first;
        unsigned last;
    };

    Error fail(const std::string& what) const {
        return {ErrorCode::invalid_argument,
                std::string(kind_.name) + " " + what + "; allowed are " + allowed(kind_) +
                    ", *, ranges such as " + example("-") + ", and steps such as */2"};
    }

    std::string example(std::string_view separator) const {
        return std::to_string(kind_.low + 1) + std::string(separator) +
               std::to_string(kind_.low + 3);
    }

    Result<std::uint64_t> parse_item() const {
        const std::size_t slash = item_.find('/');
        const bool stepped = slash != std::string_view::npos;
        const auto range = parse_range(item_.substr(0, slash), stepped);
        if (!range) return range.error();
        unsigned step = 1;
        if (stepped) {
            const auto parsed = parse_step(item_.substr(slash + 1));
            if (!parsed) return parsed.error();
            step = *parsed;
        }
        std::uint64_t bits = 0;
        for (unsigned value = range->first; value <= range->last; value += step) {
            bits |= std::uint64_t{1} << (value > kind_.high ? kind_.low : value);
        }
        return bits;
    }

    // A single value with a step runs to the end of the field: 5/15 is 5-59/15.
    Result<Range> parse_range(std::string_view text, bool stepped) const {
        if (text.size() == 1 && is_wildcard(text.front())) return Range{kind_.low, kind_.high};
        const std::size_t dash = text.find('-');
        const auto first = parse_value(text.substr(0, dash));
        if (!first) return first.error();
        if (dash == std::string_view::npos) {
            return Range{*first, stepped ? std::max(*first, kind_.high) : *first};
        }
        auto last = parse_value(text.substr(dash + 1));
        if (!last) return last.error();
        // A week may be said to end on Sunday: FRI-SUN is 5-7.
        if (*last == kind_.low && *first > *last && kind_.accepted_high > kind_.high) {
            last = kind_.accepted_high;
        }
        if (*first > *last) return fail("range " + quoted(text) + " runs backwards");
        return Range{*first, *last};
    }

    Result<unsigned> parse_value(std::string_view text) const {
        for (unsigned i = 0; i < kind_.names.size(); ++i) {
            if (equals_ignoring_case(text, kind_.names[i])) return kind_.low + i;
        }
        const auto number = parse_number(text);
        if (!number) {
            return fail(text == item_ ? quoted(item_) + " is not a value"
                                      : quoted(text) + " in " + quoted(item_) + " is not a value");
        }
        if (*number < kind_.low || *number > kind_.accepted_high) {
            return fail(quoted(text) + " is out of range");
        }
        return *number;
    }

    Result<unsigned> parse_step(std::string_view text) const {
        const auto step = parse_number(text);
        if (!step || *step == 0) return fail("step " + quoted(text) + " is not a positive number");
        const unsigned count = kind_.high - kind_.low + 1;
        if (*step > count) {
            return fail("step " + quoted(text) + " is larger than " + std::to_string(count));
        }
        return *step;
    }

    static std::optional<unsigned> parse_number(std::string_view text) {
        unsigned value = 0;
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, value);
        if (parsed.ec == std::errc::result_out_of_range) return 1'000'000;
        if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
        return value;
    }

    static bool equals_ignoring_case(std::string_view text, std::string_view upper) {
        return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), [](char a, char b) {
            return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
        });
    }

    const FieldKind& kind_;
    std::string_view item_;
};

// The lowest set bit at or above `from`, which must be below 64.
std::optional<unsigned> next_bit(std::uint64_t bits, unsigned from) {
    const std::uint64_t rest = bits >> from;
    if (rest == 0) return std::nullopt;
    return from + static_cast<unsigned>(std::countr_zero(rest));
}

constexpr bool has(std::uint64_t bits, unsigned value) {
    return ((bits >> value) & 1U) != 0;
}

}  // namespace

bool CronFields::matches_day(const year_month_day& date, sys_days day) const {
    const bool by_date = has(days_of_month, static_cast<unsigned>(date.day()));
    const bool by_week = has(days_of_week, std::chrono::weekday{day}.c_encoding());
    return either_day ? by_date || by_week : by_date && by_week;
}

std::optional<std::int64_t> CronFields::next_in_day(std::int64_t second_of_day) const {
    const auto hour = static_cast<unsigned>(second_of_day / 3600);
    const auto minute = static_cast<unsigned>(second_of_day / 60 % 60);
    const auto second = static_cast<unsigned>(second_of_day % 60);
    const auto at = [](unsigned h, unsigned m, unsigned s) {
        return std::int64_t{h} * 3600 + m * 60 + s;
    };
    const unsigned first_second = *next_bit(seconds, 0);
    if (has(hours, hour)) {
        if (has(minutes, minute)) {
            if (const auto s = next_bit(seconds, second)) return at(hour, minute, *s);
        }
        if (const auto m = next_bit(minutes, minute + 1)) return at(hour, *m, first_second);
    }
    const auto h = next_bit(hours, hour + 1);
    if (!h) return std::nullopt;
    return at(*h, *next_bit(minutes, 0), first_second);
}

std::optional<LocalSeconds> CronFields::next(LocalSeconds from) const {
    sys_days day{std::chrono::floor<days>(std::chrono::seconds{from})};
    const sys_days last_day = day + days{146097};
    std::int64_t second_of_day = from - day.time_since_epoch().count() * seconds_per_day;
    while (day <= last_day) {
        const year_month_day date{day};
        if (!has(months, static_cast<unsigned>(date.month()))) {
            day = sys_days{(date.year() / date.month() + std::chrono::months{1}) / 1};
            second_of_day = 0;
            continue;
        }
        if (matches_day(date, day)) {
            if (const auto second = next_in_day(second_of_day)) {
                return day.time_since_epoch().count() * seconds_per_day + *second;
            }
        }
        day += days{1};
        second_of_day = 0;
    }
    return std::nullopt;
}

Result<CronFields> parse_cron_fields(std::string_view text) {
    const std::vector<std::string_view> words = split(text, is_space, false);
    if (words.size() != 5 && words.size() != 6) {
        return Error{ErrorCode::invalid_argument,
                     "found " + std::to_string(words.size()) +
                         " fields; write five (minute hour day-of-month month day-of-week), or six "
                         "with leading seconds"};
    }
    CronFields fields;
    const std::array<std::uint64_t*, 6> targets{&fields.seconds, &fields.minutes,
                                                &fields.hours,   &fields.days_of_month,
                                                &fields.months,  &fields.days_of_week};
    const std::size_t skipped = targets.size() - words.size();
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto bits = FieldParser(field_kinds[i + skipped]).parse(words[i]);
        if (!bits) return bits.error();
        *targets[i + skipped] = *bits;
    }
    const auto starts_wild = [&](std::size_t field) {
        return is_wildcard(words[field - skipped].front());
    };
    fields.any_hour = starts_wild(2);
    fields.either_day = !starts_wild(3) && !starts_wild(5);
    return fields;
}

}  // namespace syspulse::model
