// The time zones that the system, or on Windows the program, brings along. The only place that
// knows the library which reads them: absl::TimeZone, and on Windows, whose zones have other names
// and no files, the date library.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/schedule_zone.hpp"

namespace syspulse::model {

class ZoneRules {
  public:
    virtual ~ZoneRules() = default;

    // The period that `moment` lies in.
    virtual OffsetPeriod period_at(UtcSeconds moment) const = 0;
};

using ZoneRulesPtr = std::shared_ptr<const ZoneRules>;

// Null when there is no zone of this very name; an error when the database cannot be read.
Result<ZoneRulesPtr> read_zone(std::string_view name);

// What the system is set to; null if nobody knows.
ZoneRulesPtr read_system_zone();

// All names, sorted; none when the database cannot be read.
std::vector<std::string> zone_names();

// "cannot read time zone ...".
Error unreadable_zone(std::string_view name, std::string_view why);

}  // namespace syspulse::model
