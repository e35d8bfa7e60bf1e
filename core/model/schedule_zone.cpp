#include "model/schedule_zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "model/posix_rule.hpp"

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
    for (const date::time_zone& zone : date::get_tzdb().zones) {
        const std::string candidate = lower_case(zone.name());
        const std::string_view city = std::string_view(candidate).substr(candidate.rfind('/') + 1);
        if (candidate == lower || city == lower) return zone.name();
        const std::size_t distance = edit_distance(lower, candidate);
        if (distance >= best) continue;
        best = distance;
        name = zone.name();
    }
    return name;
}

// Null if there is none.
const date::time_zone* listed_zone(const date::tzdb& database, std::string_view name) {
    const auto found = std::find_if(database.zones.begin(), database.zones.end(),
                                    [&](const date::time_zone& z) { return z.name() == name; });
    return found == database.zones.end() ? nullptr : &*found;
}

// What an older name stands for, where the database keeps those apart; otherwise the name itself.
std::string present_name(const date::tzdb& database, std::string_view name) {
#if !USE_OS_TZDB
    for (const date::time_zone_link& link : database.links) {
        if (link.name() == name) return link.target();
    }
#else
    static_cast<void>(database);
#endif
    return std::string(name);
}

Error unknown_zone(std::string_view name) {
    std::string message = "unknown time zone \"" + std::string(name) + "\"";
    const std::string suggestion = suggest(name);
    message += suggestion.empty() ? "; write an IANA name such as Europe/Berlin or UTC"
                                  : "; did you mean " + suggestion + "?";
    return {ErrorCode::invalid_argument, std::move(message)};
}

date::sys_seconds sys_seconds_of(UtcSeconds moment) {
    return date::sys_seconds{std::chrono::seconds{moment}};
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

// What holds from a zone's last listed change on, as the POSIX rule in the last line of its file
// says: CET-1CEST,M3.5.0,M10.5.0/3. The library lists the changes up to 2037 and ignores this line.
std::shared_ptr<const PosixRule> read_rule(const std::string& name) {
    for (const char* folder : {"/usr/share/zoneinfo/", "/usr/lib/zoneinfo/"}) {
        std::ifstream file(folder + name, std::ios::binary);
        if (!file) continue;
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        if (text.size() < 2 || text.back() != '\n') return nullptr;
        const std::size_t begin = text.rfind('\n', text.size() - 2) + 1;
        const std::string rule = text.substr(begin, text.size() - begin - 1);
        return rule.empty() ? nullptr : PosixRule::parse(rule);
    }
    return nullptr;
}

}  // namespace

#if USE_OS_TZDB
void use_zone_database(const std::string&) {}
#else
// $SYSPULSE_TZDATA names another one.
void use_zone_database(const std::string& directory) {
    const char* const other = std::getenv("SYSPULSE_TZDATA");
    date::set_install(other == nullptr ? directory : other);
}
#endif

struct TimeZone::Rules {
    const date::time_zone* listed = nullptr;  // Owned by the database, for the life of the process.
    std::shared_ptr<const PosixRule> afterwards;
};

Result<TimeZone> TimeZone::find(std::string_view name) {
    if (is_utc(name)) return TimeZone{};
    try {
        const date::tzdb& database = date::get_tzdb();
        const date::time_zone* const found = listed_zone(database, present_name(database, name));
        if (found == nullptr) return unknown_zone(name);
        // The library reads a zone's file at first use. Doing it here makes period_at() unable to
        // fail.
        static_cast<void>(found->get_info(sys_seconds_of(0)));
        return TimeZone{std::make_shared<const Rules>(Rules{found, read_rule(found->name())})};
    } catch (const std::exception& problem) {
        return Error{ErrorCode::unavailable, "cannot read time zone \"" + std::string(name) +
                                                 "\": " + problem.what() +
                                                 "; is tzdata installed?"};
    }
}

TimeZone TimeZone::local() {
    if (const auto name = zone_of_environment()) {
        if (auto zone = find(*name)) return *zone;
    }
    try {
        if (auto zone = find(date::current_zone()->name())) return *zone;
    } catch (const std::exception&) {
        // A machine without a time zone, as most containers are, runs on UTC.
    }
    return TimeZone{};
}

OffsetPeriod TimeZone::period_at(UtcSeconds moment) const {
    if (rules_ == nullptr) return {};
    const auto info = rules_->listed->get_info(sys_seconds_of(moment));
    OffsetPeriod period{
        std::max<UtcSeconds>(info.begin.time_since_epoch().count(), OffsetPeriod::earliest),
        std::min<UtcSeconds>(info.end.time_since_epoch().count(), OffsetPeriod::latest),
        info.offset.count()};
    if (rules_->afterwards && period.end == OffsetPeriod::latest) {
        const PosixRule::Period later = rules_->afterwards->period_at(moment);
        period = {std::max(period.begin, later.begin), std::min(period.end, later.end),
                  later.offset};
    }
    return period;
}

}  // namespace syspulse::model
