// What a cgroup counts, as the ABI's statistics.
#include <array>
#include <charconv>

#include "cgroup/control_file.hpp"
#include "cgroup/run_group.hpp"

namespace syspulse::plugins::cgroup {
namespace {

constexpr std::uint64_t us = 1000;  // In nanoseconds.

double decimal_after(std::string_view line, std::string_view key) {
    const auto at = line.find(key);
    if (at == std::string_view::npos) return 0;
    const std::string_view rest = line.substr(at + key.size());
    double value = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), value);
    return value;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and a line that begins with "full".
bool read_pressure(const std::string& path, sysp_pressure& pressure) {
    const auto text = read_control(path);
    if (!text || text->empty()) return false;
    for (const std::string_view line : split(*text, '\n')) {
        const bool some = line.substr(0, 4) == "some";
        (some ? pressure.some_avg10 : pressure.full_avg10) = decimal_after(line, "avg10=");
        (some ? pressure.some_avg60 : pressure.full_avg60) = decimal_after(line, "avg60=");
        (some ? pressure.some_avg300 : pressure.full_avg300) = decimal_after(line, "avg300=");
        (some ? pressure.some_ns : pressure.full_ns) =
            static_cast<std::uint64_t>(decimal_after(line, "total=")) * us;
    }
    return true;
}

void read_cpu(const std::string& directory, sysp_stats& stats) {
    const auto text = read_control(directory + "/cpu.stat");
    if (!text) return;
    if (const auto usage = value_of(*text, "usage_usec")) {
        stats.valid |= SYSP_STAT_CPU | SYSP_STAT_CPU_SPLIT;
        stats.cpu_ns = *usage * us;
        stats.cpu_user_ns = value_of(*text, "user_usec").value_or(0) * us;
        stats.cpu_system_ns = value_of(*text, "system_usec").value_or(0) * us;
    }
    const auto count = value_of(*text, "nr_throttled");
    if (!count) return;
    stats.valid |= SYSP_STAT_THROTTLED;
    stats.throttled_count = *count;
    // Version 1 counts nanoseconds under another name.
    const auto microseconds = value_of(*text, "throttled_usec");
    stats.throttled_ns =
        microseconds ? *microseconds * us : value_of(*text, "throttled_time").value_or(0);
}

// The version 1 controller that counts CPU time, in nanoseconds.
void read_cpuacct(const std::string& directory, sysp_stats& stats) {
    const auto usage = read_number(directory + "/cpuacct.usage");
    if (!usage) return;
    stats.valid |= SYSP_STAT_CPU;
    stats.cpu_ns = *usage;
    const auto user = read_number(directory + "/cpuacct.usage_user");
    const auto system = read_number(directory + "/cpuacct.usage_sys");
    if (!user || !system) return;
    stats.valid |= SYSP_STAT_CPU_SPLIT;
    stats.cpu_user_ns = *user;
    stats.cpu_system_ns = *system;
}

void read_memory(const std::string& directory, sysp_stats& stats) {
    auto now = read_number(directory + "/memory.current");
    if (!now) now = read_number(directory + "/memory.usage_in_bytes");
    if (!now) return;
    stats.valid |= SYSP_STAT_RSS;
    stats.rss_bytes = *now;
}

// "8:0 rbytes=1 wbytes=2 ..." per device.
void read_io(const std::string& directory, sysp_stats& stats) {
    const auto text = read_control(directory + "/io.stat");
    if (!text) return;
    stats.valid |= SYSP_STAT_IO;
    for (const std::string_view line : split(*text, '\n')) {
        stats.io_read_bytes += static_cast<std::uint64_t>(decimal_after(line, " rbytes="));
        stats.io_write_bytes += static_cast<std::uint64_t>(decimal_after(line, " wbytes="));
    }
}

}  // namespace

sysp_stats RunGroup::stats() const {
    sysp_stats stats{};
    // In this order, so that a version 1 controller's numbers supplement those of the unified one.
    for (const auto& [key, path] : directories_) {
        if (key.empty() || key == "cpu") read_cpu(path, stats);
        if (key == "cpuacct") read_cpuacct(path, stats);
        if (key.empty() || key == "memory") read_memory(path, stats);
        if (key.empty()) read_io(path, stats);
    }
    stats.valid |= SYSP_STAT_TASKS;
    const auto counted = read_number(directory("pids").value_or("") + "/pids.current");
    stats.tasks = counted ? *counted : processes().size();
    if (const std::uint64_t peak = memory_peak(); peak != 0) {
        stats.valid |= SYSP_STAT_MEMORY_PEAK;
        stats.memory_peak_bytes = peak;
    }
    if (!unified()) return stats;
    const struct {
        const char* file;
        sysp_pressure& pressure;
        std::uint32_t bit;
    } pressures[] = {{"/cpu.pressure", stats.cpu_pressure, SYSP_STAT_PSI_CPU},
                     {"/memory.pressure", stats.memory_pressure, SYSP_STAT_PSI_MEMORY},
                     {"/io.pressure", stats.io_pressure, SYSP_STAT_PSI_IO}};
    for (const auto& each : pressures) {
        if (read_pressure(tracking_ + each.file, each.pressure)) stats.valid |= each.bit;
    }
    return stats;
}

}  // namespace syspulse::plugins::cgroup
