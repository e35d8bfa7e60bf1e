#include <date/tz.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <system_error>

#include "base/path_text.hpp"
#include "model/zone_database.hpp"

namespace syspulse::model {
namespace {

date::sys_seconds sys_seconds_of(UtcSeconds moment) {
    return date::sys_seconds{std::chrono::seconds{moment}};
}

class ListedZone final : public ZoneRules {
  public:
    // The library works a zone's rules out at first use. Doing it here makes period_at() unable to
    // fail.
    explicit ListedZone(const date::time_zone& zone) : zone_(&zone) {
        static_cast<void>(zone.get_info(sys_seconds_of(0)));
    }

    OffsetPeriod period_at(UtcSeconds moment) const override {
        const auto info = zone_->get_info(sys_seconds_of(moment));
        return {std::max<UtcSeconds>(info.begin.time_since_epoch().count(), OffsetPeriod::earliest),
                std::min<UtcSeconds>(info.end.time_since_epoch().count(), OffsetPeriod::latest),
                info.offset.count()};
    }

  private:
    const date::time_zone* zone_;  // Owned by the database, for the life of the process.
};

// What an older name stands for; otherwise the name itself.
std::string present_name(const date::tzdb& database, std::string_view name) {
    for (const date::time_zone_link& link : database.links) {
        if (link.name() == name) return link.target();
    }
    return std::string(name);
}

}  // namespace

// $SYSPULSE_TZDATA names another one.
void use_zone_database(const std::string& directory) {
    const char* const other = std::getenv("SYSPULSE_TZDATA");
    std::string chosen = other == nullptr ? directory : other;
    std::replace(chosen.begin(), chosen.end(), '/', '\\');  // As the library goes on.
    date::set_install(chosen);
}

std::string missing_of_zone_database(const std::string& directory) {
    if (std::getenv("SYSPULSE_TZDATA") != nullptr) return {};
    for (const char* const name : {"africa", "windowsZones.xml"}) {
        const auto file = path_from_utf8(directory) / name;
        std::error_code ignored;
        if (!std::filesystem::is_regular_file(file, ignored)) return file.string();
    }
    return {};
}

Result<ZoneRulesPtr> read_zone(std::string_view name) {
    try {
        const date::tzdb& database = date::get_tzdb();
        const std::string wanted = present_name(database, name);
        const auto found =
            std::find_if(database.zones.begin(), database.zones.end(),
                         [&](const date::time_zone& zone) { return zone.name() == wanted; });
        if (found == database.zones.end()) return ZoneRulesPtr{};
        return ZoneRulesPtr{std::make_shared<const ListedZone>(*found)};
    } catch (const std::exception& problem) {
        return unreadable_zone(name, problem.what());
    }
}

ZoneRulesPtr read_system_zone() {
    try {
        return std::make_shared<const ListedZone>(*date::current_zone());
    } catch (const std::exception&) {
        return nullptr;
    }
}

std::vector<std::string> zone_names() {
    std::vector<std::string> names;
    try {
        for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
    } catch (const std::exception&) {
        names.clear();
    }
    return names;
}

}  // namespace syspulse::model
