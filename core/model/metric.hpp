// A number that a health check measured.
#pragma once

#include <string>

namespace syspulse::model {

struct Metric {
    std::string name;  // With the unit at its end: connect_seconds, used_bytes.
    double value = 0;

    bool operator==(const Metric&) const = default;
};

}  // namespace syspulse::model
