// One daemon as users see it: the object that `status`, `list`, events and the API give. Field
// names are those of the JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "model/metric.hpp"
#include "model/misbehaviour.hpp"
#include "model/process_stats.hpp"
#include "model/state.hpp"

namespace syspulse::model {

// The last answer of a health check.
struct CheckView {
    WallTime at{};
    bool passed = false;
    bool missed = false;  // It could not be made, which says nothing about the daemon.
    std::string message;
    Duration latency{0};
    std::uint32_t consecutive_failures = 0;
    std::vector<Metric> metrics{};
};

// The check of a daemon that ends the process which makes it.
struct CulpritView {
    std::string daemon;
    std::string error;
};

// The process of an isolated plugin.
struct PluginHostView {
    std::string state;  // idle, running, restarting, failed.
    std::optional<std::int64_t> pid;
    std::uint64_t restarts = 0;
    std::string last_error;  // Why the last one was lost. Empty is null.
    std::optional<WallTime> last_error_at{};
    std::vector<CulpritView> culprits{};
    Misbehaviour misbehaviour{};
};

struct DaemonView {
    std::string id;  // UUID
    std::string name;
    State state = State::stopped;
    Health health_status = Health::unknown;
    std::optional<std::int64_t> pid;
    std::string driver;
    std::optional<WallTime> started_at;
    std::optional<WallTime> stopped_at;
    std::optional<ExitStatus> last_exit;  // exit_code and exit_signal come from it.
    std::uint32_t restart_count = 0;
    std::optional<double> uptime_secs;
    std::optional<WallTime> next_run_at;
    std::optional<WallTime> next_restart_at;
    std::string stdout_log;
    std::string stderr_log;
    // Of both logs, since the manager started: what was written, and what could not be.
    std::uint64_t output_bytes = 0;
    std::optional<std::uint64_t> output_lines;  // Only where it was asked for.
    std::uint64_t output_dropped_bytes = 0;
    std::string description;
    std::vector<std::string> tags;
    std::string last_error;  // Empty is null.
    std::vector<std::string> depends_on;
    bool spec_changed = false;  // Since it was started, in what only a restart applies.
    // How long it was asked to end before it was killed; nothing unless the last run ended so.
    std::optional<Duration> killed_after;
    // Those that need it and were stopped with it; only in the answer to a stop.
    std::vector<std::string> stopped_dependents;
    bool paused = false;        // Held still by `pause`; the state stays what it is.
    std::string options_error;  // What of its options its plugins do not take; mostly empty.
    std::string waiting_for;    // What a starting or stopping daemon waits for; empty is null.
    RunId run;
    std::optional<CheckView> last_check;
    std::optional<ProcessStats> stats;
    std::optional<PluginHostView> driver_host;  // Where the driver runs in a process of its own.
};

}  // namespace syspulse::model
