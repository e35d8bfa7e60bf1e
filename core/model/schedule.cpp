#include "model/schedule.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "model/schedule_fields.hpp"
#include "model/schedule_zone.hpp"

namespace syspulse::model {
namespace {

// Longer texts are not meant for us, and errors quote the whole of it.
constexpr std::size_t expression_length_max = 256;
// Cron has no finer grain than a second.
constexpr Duration every_min = std::chrono::seconds{1};

struct Macro {
    std::string_view name;
    std::string_view fields;
};
constexpr std::array<Macro, 7> macros{{{"@hourly", "0 * * * *"},
                                       {"@daily", "0 0 * * *"},
                                       {"@midnight", "0 0 * * *"},
                                       {"@weekly", "0 0 * * 0"},
                                       {"@monthly", "0 0 1 * *"},
                                       {"@yearly", "0 0 1 1 *"},
                                       {"@annually", "0 0 1 1 *"}}};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Cuts off and returns everything up to the first space; the rest is left trimmed.
std::string_view take_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text = trimmed(text.substr(word.size()));
    return word;
}

// Removes a leading "TZ=Zone " or "CRON_TZ=Zone " and returns the zone; nothing when there is none.
std::optional<std::string_view> take_zone(std::string_view& text) {
    for (const std::string_view prefix : {"TZ=", "CRON_TZ="}) {
        if (text.starts_with(prefix)) return take_word(text).substr(prefix.size());
    }
    return std::nullopt;
}

Result<TimeZone> zone_named(std::optional<std::string_view> in_expression,
                            std::string_view setting) {
    if (in_expression) return TimeZone::find(*in_expression);
    if (setting.empty()) return TimeZone::local();
    return TimeZone::find(setting);
}

Error invalid(std::string message) {
    return {ErrorCode::invalid_argument, std::move(message)};
}

Result<Duration> parse_every(std::string_view length) {
    if (length.empty()) return invalid("@every needs a duration, such as @every 1h30m");
    const auto every = parse_duration(length);
    if (!every) return every.error().with("@every");
    if (*every < every_min)
        return invalid("@every " + std::string(length) + " is shorter than one second");
    return every;
}

Result<CronFields> parse_fields(std::string_view text) {
    const auto fields = parse_cron_fields(text);
    if (fields && !fields->next(0)) {
        return invalid(
            "it never fires, because no day of the calendar matches day-of-month and month");
    }
    return fields;
}

// The first firing of a job that follows elapsed time: whenever its local clock shows a matching
// time, also when it shows that time twice.
std::optional<UtcSeconds> next_elapsed(const CronFields& fields, const TimeZone& zone,
                                       UtcSeconds from) {
    while (from < OffsetPeriod::latest) {
        const OffsetPeriod period = zone.period_at(from);
        const auto local = fields.next(from + period.offset);
        if (!local) return std::nullopt;
        if (*local - period.offset < period.end) return *local - period.offset;
        from = period.end;
    }
    return std::nullopt;
}

// The first firing of a job at fixed hours. Each reading of the local clock counts once: one that
// the clock jumps over counts right after the jump, one that it shows twice counts the first time.
std::optional<UtcSeconds> next_fixed(const CronFields& fields, const TimeZone& zone,
                                     UtcSeconds from) {
    while (from < OffsetPeriod::latest) {
        const OffsetPeriod period = zone.period_at(from);
        LocalSeconds start = from + period.offset;
        if (period.begin > OffsetPeriod::earliest) {
            const LocalSeconds shown_before =
                period.begin + zone.period_at(period.begin - 1).offset;
            // At the moment of a jump, what was jumped over is still due. Later it is not.
            start = from == period.begin ? shown_before : std::max(start, shown_before);
        }
        const auto local = fields.next(start);
        if (!local) return std::nullopt;
        const UtcSeconds moment = std::max(*local - period.offset, from);
        if (moment < period.end) return moment;
        from = period.end;
    }
    return std::nullopt;
}

// Beyond these limits there is no calendar to speak of, and arithmetic could overflow.
std::int64_t clamped_ms(WallTime t) {
    return std::clamp(to_unix_ms(t), OffsetPeriod::earliest * 1000, OffsetPeriod::latest * 1000);
}

}  // namespace

std::string_view zone_needed_for(std::string_view expression, std::string_view timezone) {
    const std::string_view zone = take_zone(expression).value_or(timezone);
    if (!zone.empty()) return TimeZone::needs_database(zone) ? zone : std::string_view();
    const bool on_any_clock = expression.starts_with("@every") || expression == "@reboot";
    return on_any_clock ? std::string_view() : "local";
}

struct Schedule::Rule {
    enum class Kind : std::uint8_t { fields, every, at_start };

    std::string expression;
    Kind kind = Kind::fields;
    CronFields fields;
    std::int64_t every_ms = 0;
    TimeZone zone;

    Result<void> parse(std::string_view timezone);
    std::optional<WallTime> next_of_fields(std::int64_t after_ms) const;
    std::optional<WallTime> next_of_every(std::int64_t after_ms, std::int64_t anchor_ms) const;
};

Result<void> Schedule::Rule::parse(std::string_view timezone) {
    std::string_view text = expression;
    const auto named_zone = zone_named(take_zone(text), timezone);
    if (!named_zone) return named_zone.error();
    zone = *named_zone;
    if (text.starts_with('@')) {
        const std::string_view name = take_word(text);
        if (name == "@every") {
            const auto length = parse_every(text);
            if (!length) return length.error();
            kind = Kind::every;
            every_ms = std::chrono::duration_cast<std::chrono::milliseconds>(*length).count();
            return {};
        }
        const auto* macro = std::find_if(macros.begin(), macros.end(),
                                         [&](const Macro& m) { return m.name == name; });
        const bool at_start = name == "@reboot";
        if (macro == macros.end() && !at_start) {
            return invalid("unknown macro " + std::string(name) +
                           "; allowed are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
                           "@annually, @every DURATION and @reboot");
        }
        if (!text.empty()) return invalid(std::string(name) + " takes nothing after it");
        if (at_start) {
            kind = Kind::at_start;
            return {};
        }
        text = macro->fields;
    }
    const auto parsed = parse_fields(text);
    if (!parsed) return parsed.error();
    fields = *parsed;
    return {};
}

std::optional<WallTime> Schedule::Rule::next_of_fields(std::int64_t after_ms) const {
    const auto after =
        std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds{after_ms});
    const UtcSeconds from = after.count() + 1;
    const auto moment =
        fields.any_hour ? next_elapsed(fields, zone, from) : next_fixed(fields, zone, from);
    if (!moment) return std::nullopt;
    return from_unix_ms(*moment * 1000);
}

std::optional<WallTime> Schedule::Rule::next_of_every(std::int64_t after_ms,
                                                      std::int64_t anchor_ms) const {
    const std::int64_t passed = std::max<std::int64_t>(0, after_ms - anchor_ms) / every_ms;
    return from_unix_ms(anchor_ms + (passed + 1) * every_ms);
}

Result<Schedule> Schedule::parse(std::string_view expression, std::string_view timezone) {
    if (expression.size() > expression_length_max) {
        return invalid("cannot use schedule: it is longer than " +
                       std::to_string(expression_length_max) + " characters");
    }
    auto rule = std::make_shared<Rule>();
    rule->expression = trimmed(expression);
    const auto parsed = rule->parse(timezone);
    if (!parsed) return parsed.error().with("cannot use schedule \"" + rule->expression + "\"");
    return Schedule{std::move(rule)};
}

std::optional<WallTime> Schedule::next(WallTime after, WallTime anchor) const {
    switch (rule_->kind) {
        case Rule::Kind::fields:
            return rule_->next_of_fields(clamped_ms(after));
        case Rule::Kind::every:
            return rule_->next_of_every(clamped_ms(after), clamped_ms(anchor));
        case Rule::Kind::at_start:
            return std::nullopt;
    }
    return std::nullopt;
}

bool Schedule::at_start() const noexcept {
    return rule_->kind == Rule::Kind::at_start;
}

const std::string& Schedule::expression() const noexcept {
    return rule_->expression;
}

}  // namespace syspulse::model
