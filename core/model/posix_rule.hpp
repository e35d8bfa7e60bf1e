// The rule of a time zone in the form that POSIX gives $TZ: CET-1CEST,M3.5.0,M10.5.0/3. Kept apart
// because the library that knows it, date/ptz.h, compiles as C++17 only; so must this header.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace syspulse::model {

class PosixRule {
  public:
    // In seconds since 1970-01-01T00:00:00Z; `offset` in seconds ahead of UTC.
    struct Period {
        std::int64_t begin = 0;
        std::int64_t end = 0;
        std::int64_t offset = 0;
    };

    virtual ~PosixRule() = default;

    // Null when the text is no such rule.
    static std::shared_ptr<const PosixRule> parse(const std::string& text);

    // The time around `moment` in which the clocks stay as they are.
    virtual Period period_at(std::int64_t moment) const = 0;
};

}  // namespace syspulse::model
