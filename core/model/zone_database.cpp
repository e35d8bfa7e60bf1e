#include "model/zone_database.hpp"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace syspulse::model {
namespace {

namespace fs = std::filesystem;

UtcSeconds seconds_of(absl::CivilSecond time) {
    return time - absl::CivilSecond(1970, 1, 1);
}

absl::Time time_of(UtcSeconds moment) {
    return absl::FromUnixSeconds(moment);
}

class ListedZone final : public ZoneRules {
  public:
    explicit ListedZone(absl::TimeZone zone) : zone_(zone), last_(last_change(zone)) {}

    OffsetPeriod period_at(UtcSeconds moment) const override {
        const UtcSeconds later =
            repeats() && moment >= last_ ? ((moment - last_) / cycle + 1) * cycle : 0;
        const OffsetPeriod period = listed_period(moment - later);
        return {std::max(period.begin + later, OffsetPeriod::earliest),
                std::min(period.end + later, OffsetPeriod::latest), period.offset};
    }

  private:
    // The calendar is the same every 400 years, which are whole weeks.
    static constexpr UtcSeconds cycle = UtcSeconds{146'097} * 86'400;

    static UtcSeconds last_change(absl::TimeZone zone) {
        absl::TimeZone::CivilTransition change;
        if (!zone.PrevTransition(absl::InfiniteFuture(), &change)) return OffsetPeriod::earliest;
        return absl::ToUnixSeconds(zone.At(change.to).trans);
    }

    // The library carries on the rule in the last line of a zone's file for 400 years, which is
    // where no file lists anything.
    bool repeats() const { return last_ > seconds_of(absl::CivilSecond(2300, 1, 1)); }

    OffsetPeriod listed_period(UtcSeconds moment) const {
        const std::int64_t offset = zone_.At(time_of(moment)).offset;
        OffsetPeriod period{OffsetPeriod::earliest, OffsetPeriod::latest, offset};
        absl::TimeZone::CivilTransition change;
        if (zone_.PrevTransition(time_of(moment + 1), &change))
            period.begin = seconds_of(change.to) - offset;
        if (zone_.NextTransition(time_of(moment), &change))
            period.end = seconds_of(change.from) - offset;
        return period;
    }

    absl::TimeZone zone_;
    UtcSeconds last_;
};

// As the library has it, and the C library.
fs::path directory() {
    const char* const other = std::getenv("TZDIR");
    return other == nullptr || *other == '\0' ? "/usr/share/zoneinfo" : other;
}

bool is_zone_file(const fs::path& path) {
    char magic[4] = {};
    std::ifstream file(path, std::ios::binary);
    return file.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "TZif";
}

// What stands beside the zones: two copies of all of them, one of which counts leap seconds, and
// files that stand for no place. For the name of a file in the directory, or of a folder.
bool is_offered(const fs::path& name) {
    const std::string first = name.begin()->string();
    return first != "posix" && first != "right" && first != "Factory" && first != "posixrules";
}

// The library also takes paths, of whatever file.
bool is_below_directory(std::string_view name) {
    if (name.empty() || name.find('\0') != name.npos || name.find("//") != name.npos) return false;
    const fs::path path(name);
    return path.is_relative() && std::none_of(path.begin(), path.end(), [](const fs::path& part) {
               return part.empty() || part == "." || part == "..";
           });
}

}  // namespace

void use_zone_database(const std::string&) {}

std::string missing_of_zone_database(const std::string&) {
    return {};
}

Result<ZoneRulesPtr> read_zone(std::string_view name) {
    const fs::path zones = directory();
    std::error_code problem;
    if (!fs::is_directory(zones, problem))
        return unreadable_zone(name, "there is no directory " + zones.string());
    const fs::path file = zones / name;
    if (!is_below_directory(name) || !is_offered(name) || !is_zone_file(file))
        return ZoneRulesPtr{};
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(std::string(name), &zone))
        return unreadable_zone(name, file.string() + " is not a zone that can be used");
    return ZoneRulesPtr{std::make_shared<const ListedZone>(zone)};
}

ZoneRulesPtr read_system_zone() {
    absl::TimeZone zone;
    if (absl::LoadTimeZone("/etc/localtime", &zone))
        return std::make_shared<const ListedZone>(zone);
    // Some have only the name.
    std::string name;
    if (!(std::ifstream("/etc/timezone") >> name)) return nullptr;
    return read_zone(name).value_or(nullptr);
}

std::vector<std::string> zone_names() {
    std::vector<std::string> names;
    const fs::path zones = directory();
    std::error_code problem;
    for (fs::recursive_directory_iterator at(zones, problem), end; !problem && at != end;
         at.increment(problem)) {
        const fs::path name = at->path().lexically_relative(zones);
        if (!is_offered(name))
            at.disable_recursion_pending();
        else if (is_zone_file(at->path()))
            names.push_back(name.string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace syspulse::model
