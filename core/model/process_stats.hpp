// Resource use of a run as far as its driver can tell; what is absent was not measured.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace syspulse::model {

// Pressure stall information: how much of the time some, or all, of the tasks waited for a
// resource. Averages over 10, 60 and 300 s in percent, totals since the start of the run.
struct Pressure {
    struct Share {
        double avg10 = 0;
        double avg60 = 0;
        double avg300 = 0;
        Duration total{0};
    };
    Share some;
    Share full;
};

struct ProcessStats {
    std::optional<Duration> cpu_time;  // User and system.
    std::optional<std::uint64_t> memory_bytes;
    std::optional<std::uint64_t> tasks;
    std::optional<Duration> cpu_user;
    std::optional<Duration> cpu_system;
    std::optional<std::uint64_t> memory_peak_bytes;
    std::optional<std::uint64_t> io_read_bytes;  // From and to block devices.
    std::optional<std::uint64_t> io_write_bytes;
    std::optional<Duration> throttled;  // Held back by a CPU limit.
    std::optional<std::uint64_t> throttled_count;
    std::optional<Pressure> cpu_pressure;
    std::optional<Pressure> memory_pressure;
    std::optional<Pressure> io_pressure;
};

}  // namespace syspulse::model
