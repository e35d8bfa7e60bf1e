// Cron expressions: parsing and the next firing time, with time zones and daylight saving. Pure but
// for the system's time zone database, which is read when an expression names a zone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace syspulse::model {

// An immutable, compiled expression. Cheap to copy.
class Schedule {
  public:
    // Five fields, or six with leading seconds; lists, ranges, steps, names, `?`, 7 as Sunday;
    // @hourly ...
    // @annually, @every DURATION, @reboot; an optional "TZ=Zone " or "CRON_TZ=Zone " prefix, which
    // wins over `timezone`. An empty `timezone` is the system's local zone. An expression that can
    // never fire is an error. The error names the field, what was found and what is allowed.
    static Result<Schedule> parse(std::string_view expression, std::string_view timezone = {});

    // The first firing time strictly after `after`; nothing for @reboot. `anchor` is what @every
    // counts from (when the daemon was armed); other expressions ignore it.
    std::optional<WallTime> next(WallTime after, WallTime anchor) const;

    // True for @reboot: fires once when the manager starts, and never again.
    bool at_start() const noexcept;

    const std::string& expression() const noexcept;

  private:
    struct Rule;
    explicit Schedule(std::shared_ptr<const Rule> rule) : rule_(std::move(rule)) {}
    std::shared_ptr<const Rule> rule_;  // Shared by copies; never changes.
};

}  // namespace syspulse::model
