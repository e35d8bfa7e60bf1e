#include "plugin_host/plugin_stats.hpp"

#include <algorithm>
#include <cmath>

namespace syspulse::plugin_host {
namespace {

// Beyond this a plugin's number is nonsense, and a Duration could not hold it.
constexpr std::uint64_t longest_ns = 1ULL << 62;

Duration duration_of(std::uint64_t ns) {
    return Duration{static_cast<std::int64_t>(std::min(ns, longest_ns))};
}

double percent_of(double value) {
    return std::isfinite(value) ? std::clamp(value, 0.0, 100.0) : 0.0;
}

std::optional<model::Pressure> pressure_of(const sysp_pressure& raw) {
    return model::Pressure{{percent_of(raw.some_avg10), percent_of(raw.some_avg60),
                            percent_of(raw.some_avg300), duration_of(raw.some_ns)},
                           {percent_of(raw.full_avg10), percent_of(raw.full_avg60),
                            percent_of(raw.full_avg300), duration_of(raw.full_ns)}};
}

}  // namespace

model::ProcessStats stats_of(const sysp_stats& raw) {
    const auto valid = [&](std::uint32_t bit) { return (raw.valid & bit) != 0; };
    model::ProcessStats stats;
    if (valid(SYSP_STAT_CPU)) stats.cpu_time = duration_of(raw.cpu_ns);
    if (valid(SYSP_STAT_RSS)) stats.memory_bytes = raw.rss_bytes;
    if (valid(SYSP_STAT_TASKS)) stats.tasks = raw.tasks;
    if (valid(SYSP_STAT_CPU_SPLIT)) {
        stats.cpu_user = duration_of(raw.cpu_user_ns);
        stats.cpu_system = duration_of(raw.cpu_system_ns);
    }
    if (valid(SYSP_STAT_MEMORY_PEAK)) stats.memory_peak_bytes = raw.memory_peak_bytes;
    if (valid(SYSP_STAT_IO)) {
        stats.io_read_bytes = raw.io_read_bytes;
        stats.io_write_bytes = raw.io_write_bytes;
    }
    if (valid(SYSP_STAT_THROTTLED)) {
        stats.throttled = duration_of(raw.throttled_ns);
        stats.throttled_count = raw.throttled_count;
    }
    if (valid(SYSP_STAT_PSI_CPU)) stats.cpu_pressure = pressure_of(raw.cpu_pressure);
    if (valid(SYSP_STAT_PSI_MEMORY)) stats.memory_pressure = pressure_of(raw.memory_pressure);
    if (valid(SYSP_STAT_PSI_IO)) stats.io_pressure = pressure_of(raw.io_pressure);
    return stats;
}

}  // namespace syspulse::plugin_host
