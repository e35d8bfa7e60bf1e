#include "model/schedule_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "model/zone_database.hpp"

namespace syspulse::model {
namespace {

bool is_utc(std::string_view name) {
    return name == "UTC" || name == "Etc/UTC" || name == "GMT" || name == "Etc/GMT" || name == "Z";
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

// Levenshtein's distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0U : 1U)});
            diagonal = above;
        }
    }
    return row.back();
}

// The closest name of the database; a bare city counts as close to its zone. Empty when none is.
std::string suggest(std::string_view wanted) {
    const std::string lower = lower_case(wanted);
    // In a short word two other letters make another word.
    const std::size_t most = std::max<std::size_t>(2, wanted.size() / 5);
    std::size_t best = std::min(most, wanted.size() / 3) + 1;
    std::string name;
    for (std::string& zone : zone_names()) {
        const std::string candidate = lower_case(zone);
        const std::string_view city = std::string_view(candidate).substr(candidate.rfind('/') + 1);
        if (candidate == lower || city == lower) return zone;
        const std::size_t distance = edit_distance(lower, candidate);
        if (distance >= best) continue;
        best = distance;
        name = std::move(zone);
    }
    return name;
}

constexpr std::string_view unknown_zone_words = "unknown time zone \"";
constexpr std::string_view unreadable_zone_words = "cannot read time zone \"";

Error unknown_zone(std::string_view name) {
    std::string message = std::string(unknown_zone_words) + std::string(name) + "\"";
    const std::string suggestion = suggest(name);
    message += suggestion.empty() ? "; write an IANA name such as Europe/Berlin or UTC"
                                  : "; did you mean " + suggestion + "?";
    return {ErrorCode::invalid_argument, std::move(message)};
}

// $TZ as an IANA name: a leading colon is allowed by POSIX, and empty means UTC there.
std::optional<std::string> zone_of_environment() {
    const char* const value = std::getenv("TZ");
    if (value == nullptr) return std::nullopt;
    std::string_view name = value;
    if (name.starts_with(':')) name.remove_prefix(1);
    constexpr std::string_view folder = "/zoneinfo/";
    if (const auto at = name.find(folder); name.starts_with('/') && at != std::string_view::npos) {
        name.remove_prefix(at + folder.size());
    }
    return std::string(name.empty() ? "UTC" : name);
}

}  // namespace

Error unreadable_zone(std::string_view name, std::string_view why) {
    return {ErrorCode::unavailable, std::string(unreadable_zone_words) + std::string(name) +
                                        "\": " + std::string(why) + "; is tzdata installed?"};
}

bool tells_of_zone(std::string_view message) {
    return message.find(unknown_zone_words) != message.npos ||
           message.find(unreadable_zone_words) != message.npos;
}

bool TimeZone::needs_database(std::string_view name) {
    return !is_utc(name);
}

Result<TimeZone> TimeZone::find(std::string_view name) {
    if (is_utc(name)) return TimeZone{};
    auto rules = read_zone(name);
    if (!rules) return rules.error();
    if (*rules == nullptr) return unknown_zone(name);
    return TimeZone{*std::move(rules)};
}

TimeZone TimeZone::local() {
    if (const auto name = zone_of_environment()) {
        if (auto zone = find(*name)) return *zone;
    }
    // A machine without a time zone, as most containers are, runs on UTC.
    return TimeZone{read_system_zone()};
}

OffsetPeriod TimeZone::period_at(UtcSeconds moment) const {
    return rules_ == nullptr ? OffsetPeriod{} : rules_->period_at(moment);
}

}  // namespace syspulse::model
