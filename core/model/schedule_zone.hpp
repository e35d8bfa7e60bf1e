// A time zone as the schedule needs it: how far its clocks are from UTC, and until when.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace syspulse::model {

// Seconds since 1970-01-01T00:00:00Z.
using UtcSeconds = std::int64_t;

// The time from `begin` up to, but without, `end` in which the clocks of a zone stay `offset`
// seconds ahead of UTC. Zones that never change have one period, bounded by the two limits.
struct OffsetPeriod {
    static constexpr UtcSeconds earliest = -62'135'596'800;  // 0001-01-01T00:00:00Z
    static constexpr UtcSeconds latest = 253'402'300'800;    // 10000-01-01T00:00:00Z

    UtcSeconds begin = earliest;
    UtcSeconds end = latest;
    std::int64_t offset = 0;
};

class ZoneRules;

// Where the zones are, for a program that brings them along because its system has none by IANA
// name. Before the first zone is asked for; does nothing where the system has them.
void use_zone_database(const std::string& directory);
// Below the directory of an installation.
constexpr std::string_view zone_database_place = "share/syspulse/tzdata";

// The file without which a program that is given this directory could read no zone; empty when all
// is there, and where the system has the zones.
std::string missing_of_zone_database(const std::string& directory);

// The zone in which a schedule needs to be told what time it is: that in its expression, or that of
// the setting, or "local". Empty when it can do without the database.
std::string_view zone_needed_for(std::string_view expression, std::string_view timezone);

// Whether the message of an error says that a zone is unknown or cannot be read.
bool tells_of_zone(std::string_view message);

class TimeZone {
  public:
    // UTC, for which no database is needed.
    TimeZone() = default;

    // By IANA name. The error suggests a name when one is close.
    static Result<TimeZone> find(std::string_view name);

    // Whether find() reads the database for that name.
    static bool needs_database(std::string_view name);

    // Where this machine stands: $TZ when it names a zone, else the system's setting, else UTC.
    static TimeZone local();

    // The period that `moment` lies in.
    OffsetPeriod period_at(UtcSeconds moment) const;

  private:
    explicit TimeZone(std::shared_ptr<const ZoneRules> rules) : rules_(std::move(rules)) {}

    std::shared_ptr<const ZoneRules> rules_;  // Null for UTC.
};

}  // namespace syspulse::model
