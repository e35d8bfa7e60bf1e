#include "api/json_codec.hpp"

#include <utility>

#include "api/json_writer.hpp"
#include "base/signals.hpp"
#include "model/state.hpp"

namespace syspulse::api {
namespace {

double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

void field(JsonWriter& json, std::string_view key, std::string_view value) {
    json.key(key);
    json.string(value);
}

void field_or_null(JsonWriter& json, std::string_view key, std::string_view value) {
    json.key(key);
    value.empty() ? json.null() : json.string(value);
}

void field(JsonWriter& json, std::string_view key, const std::optional<WallTime>& value) {
    json.key(key);
    value ? json.string(format_rfc3339(*value)) : json.null();
}

template <std::integral T>
void field(JsonWriter& json, std::string_view key, const std::optional<T>& value) {
    json.key(key);
    value ? json.integer(*value) : json.null();
}

template <std::integral T>
void field(JsonWriter& json, std::string_view key, T value) {
    json.key(key);
    json.integer(value);
}

void field(JsonWriter& json, std::string_view key, const std::vector<std::string>& values) {
    json.key(key);
    json.begin_array();
    for (const auto& value : values) json.string(value);
    json.end_array();
}

void exit_fields(JsonWriter& json, const std::optional<ExitStatus>& exit) {
    using Kind = ExitStatus::Kind;
    json.key("exit_code");
    exit && exit->kind == Kind::code ? json.integer(exit_code(*exit)) : json.null();
    json.key("exit_signal");
    exit && exit->kind == Kind::signal ? json.string(signal_name(exit->value)) : json.null();
    json.key("oom_killed");
    json.boolean(exit && exit->oom_killed);
    json.key("memory_peak_bytes");
    exit && exit->memory_peak_bytes != 0 ? json.integer(exit->memory_peak_bytes) : json.null();
}

void misbehaviour_field(JsonWriter& json, const model::Misbehaviour& counts) {
    json.key("misbehaviour");
    json.begin_object();
    field(json, "stale_completions", counts.stale);
    field(json, "wrong_completions", counts.wrong_type);
    field(json, "rejected_results", counts.rejected);
    field(json, "exceptions", counts.thrown);
    field(json, "slow_calls", counts.slow_calls);
    field(json, "unanswered_operations", counts.unanswered);
    field(json, "dropped_log_lines", counts.log_lines_dropped);
    json.end_object();
}

void write_host(JsonWriter& json, const std::optional<model::PluginHostView>& host) {
    if (!host) return json.null();
    json.begin_object();
    field(json, "state", host->state);
    field(json, "pid", host->pid);
    field(json, "restarts", host->restarts);
    field_or_null(json, "last_error", host->last_error);
    field(json, "last_error_at", host->last_error_at);
    json.key("culprits");
    json.begin_array();
    for (const auto& [daemon, error] : host->culprits) {
        json.begin_object();
        field(json, "daemon", daemon);
        field(json, "error", error);
        json.end_object();
    }
    json.end_array();
    misbehaviour_field(json, host->misbehaviour);
    json.end_object();
}

void check_field(JsonWriter& json, const std::optional<model::CheckView>& check) {
    json.key("last_check");
    if (!check) return json.null();
    json.begin_object();
    field(json, "at", std::optional{check->at});
    json.key("passed");
    json.boolean(check->passed);
    json.key("missed");
    json.boolean(check->missed);
    field(json, "message", check->message);
    json.key("latency_ms");
    json.number(seconds(check->latency) * 1000);
    field(json, "consecutive_failures", check->consecutive_failures);
    json.key("metrics");
    json.begin_object();
    for (const model::Metric& metric : check->metrics) {
        json.key(metric.name);
        json.number(metric.value);
    }
    json.end_object();
    json.end_object();
}

void field(JsonWriter& json, std::string_view key, const std::optional<Duration>& value) {
    json.key(key);
    value ? json.number(seconds(*value)) : json.null();
}

void share_field(JsonWriter& json, std::string_view key, const model::Pressure::Share& share) {
    json.key(key);
    json.begin_object();
    const std::pair<std::string_view, double> numbers[] = {{"avg10", share.avg10},
                                                           {"avg60", share.avg60},
                                                           {"avg300", share.avg300},
                                                           {"total_secs", seconds(share.total)}};
    for (const auto& [name, value] : numbers) {
        json.key(name);
        json.number(value);
    }
    json.end_object();
}

void pressure_field(JsonWriter& json, std::string_view key,
                    const std::optional<model::Pressure>& pressure) {
    json.key(key);
    if (!pressure) return json.null();
    json.begin_object();
    share_field(json, "some", pressure->some);
    share_field(json, "full", pressure->full);
    json.end_object();
}

void stats_field(JsonWriter& json, const std::optional<model::ProcessStats>& stats) {
    json.key("stats");
    if (!stats) return json.null();
    json.begin_object();
    field(json, "cpu_secs", stats->cpu_time);
    field(json, "cpu_user_secs", stats->cpu_user);
    field(json, "cpu_system_secs", stats->cpu_system);
    field(json, "memory_bytes", stats->memory_bytes);
    field(json, "memory_peak_bytes", stats->memory_peak_bytes);
    field(json, "tasks", stats->tasks);
    field(json, "io_read_bytes", stats->io_read_bytes);
    field(json, "io_write_bytes", stats->io_write_bytes);
    field(json, "throttled_secs", stats->throttled);
    field(json, "throttled_count", stats->throttled_count);
    pressure_field(json, "cpu_pressure", stats->cpu_pressure);
    pressure_field(json, "memory_pressure", stats->memory_pressure);
    pressure_field(json, "io_pressure", stats->io_pressure);
    json.end_object();
}

void write(JsonWriter& json, const model::DaemonView& daemon) {
    json.begin_object();
    field(json, "id", daemon.id);
    field(json, "name", daemon.name);
    field(json, "state", model::to_string(daemon.state));
    field(json, "health_status", model::to_string(daemon.health_status));
    json.key("paused");
    json.boolean(daemon.paused);
    field(json, "pid", daemon.pid);
    field(json, "driver", daemon.driver);
    if (daemon.driver_host) {
        json.key("driver_host");
        write_host(json, daemon.driver_host);
    }
    field(json, "started_at", daemon.started_at);
    field(json, "stopped_at", daemon.stopped_at);
    exit_fields(json, daemon.last_exit);
    field(json, "restart_count", daemon.restart_count);
    json.key("uptime_secs");
    daemon.uptime_secs ? json.number(*daemon.uptime_secs) : json.null();
    field(json, "next_run_at", daemon.next_run_at);
    field(json, "next_restart_at", daemon.next_restart_at);
    field_or_null(json, "stdout_log", daemon.stdout_log);
    field_or_null(json, "stderr_log", daemon.stderr_log);
    field(json, "output_bytes", daemon.output_bytes);
    field(json, "output_lines", daemon.output_lines);
    field(json, "output_dropped_bytes", daemon.output_dropped_bytes);
    field_or_null(json, "description", daemon.description);
    field(json, "tags", daemon.tags);
    field_or_null(json, "last_error", daemon.last_error);
    field(json, "depends_on", daemon.depends_on);
    field_or_null(json, "waiting_for", daemon.waiting_for);
    if (!daemon.options_error.empty()) field(json, "options_error", daemon.options_error);
    json.key("spec_changed");
    json.boolean(daemon.spec_changed);
    field(json, "killed_after_secs", daemon.killed_after);
    if (!daemon.stopped_dependents.empty())
        field(json, "stopped_dependents", daemon.stopped_dependents);
    json.key("run");
    daemon.run ? json.integer(daemon.run.value) : json.null();
    check_field(json, daemon.last_check);
    stats_field(json, daemon.stats);
    json.end_object();
}

void write(JsonWriter& json, const PluginKindView& kind) {
    json.begin_object();
    field(json, "kind", kind.kind);
    field(json, "name", kind.name);
    field(json, "description", kind.description);
    json.key("schema");
    json.raw(kind.schema_json.empty() ? "{}" : kind.schema_json);
    field(json, "capabilities", kind.capabilities);
    field(json, "limits", kind.limits);
    json.end_object();
}

void write(JsonWriter& json, const PluginView& plugin) {
    json.begin_object();
    field(json, "name", plugin.name);
    field(json, "version", plugin.version);
    field_or_null(json, "vendor", plugin.vendor);
    field(json, "description", plugin.description);
    field(json, "path", plugin.path);
    field(json, "isolation", plugin.isolation);
    field(json, "state", plugin.state);
    field_or_null(json, "error", plugin.error);
    json.key("bundled");
    json.boolean(plugin.bundled);
    json.key("file_changed");
    json.boolean(plugin.file_changed);
    json.key("host");
    write_host(json, plugin.host);
    json.key("kinds");
    json.begin_array();
    for (const auto& kind : plugin.kinds) write(json, kind);
    json.end_array();
    json.end_object();
}

// The state that a daemon entered, for entries that are a change of state and not of health.
std::string_view state_of(const model::HistoryEntry& entry) {
    if (entry.kind != "transition" || !model::parse_state(entry.to)) return {};
    return entry.to;
}

}  // namespace

std::string to_json(const model::DaemonView& daemon) {
    JsonWriter json;
    write(json, daemon);
    return std::move(json).take();
}

std::string to_json(const std::vector<model::DaemonView>& daemons) {
    JsonWriter json;
    json.begin_array();
    for (const auto& daemon : daemons) write(json, daemon);
    json.end_array();
    return std::move(json).take();
}

std::string to_json(const model::HistoryEntry& entry) {
    JsonWriter json;
    json.begin_object();
    field(json, "id", entry.id);
    field(json, "at", std::optional{entry.at});
    field_or_null(json, "daemon", entry.daemon);
    field(json, "kind", entry.kind);
    field_or_null(json, "from", entry.from);
    field_or_null(json, "to", entry.to);
    field_or_null(json, "state", state_of(entry));
    field_or_null(json, "reason", entry.reason);
    json.key("run");
    entry.run ? json.integer(entry.run.value) : json.null();
    json.key("pid");
    entry.pid != 0 ? json.integer(entry.pid) : json.null();
    exit_fields(json, entry.exit);
    json.end_object();
    return std::move(json).take();
}

std::string to_json(const model::HistoryEntry& entry, std::string_view object) {
    std::string json = to_json(entry);
    json.pop_back();
    return json.append(R"(,"daemon_object":)").append(object) + '}';
}

std::string to_json(const ManagerInfo& info) {
    JsonWriter json;
    json.begin_object();
    field(json, "version", info.version);
    field(json, "pid", info.pid);
    json.key("keeper_pid");
    info.keeper_pid ? json.integer(*info.keeper_pid) : json.null();
    field(json, "restarts", info.restarts);
    field(json, "failed_upgrades", info.failed_upgrades);
    field_or_null(json, "upgrade_failure", info.upgrade_failure);
    field(json, "started_at", info.started_at);
    json.key("uptime_secs");
    json.number(info.uptime_secs);
    field(json, "data_dir", info.data_dir);
    field(json, "plugins", info.plugins);
    json.key("daemons");
    json.begin_object();
    std::size_t total = 0;
    for (const auto& [state, count] : info.daemons) {
        field(json, model::to_string(state), count);
        total += count;
    }
    field(json, "total", total);
    json.end_object();
    field(json, "warnings", info.warnings);
    misbehaviour_field(json, info.misbehaviour);
    json.end_object();
    return std::move(json).take();
}

std::string to_json(const std::vector<PluginView>& plugins) {
    JsonWriter json;
    json.begin_array();
    for (const auto& plugin : plugins) write(json, plugin);
    json.end_array();
    return std::move(json).take();
}

std::string to_json(const AddOutcome& outcome) {
    JsonWriter json;
    json.begin_object();
    field(json, "added", outcome.added);
    field(json, "replaced", outcome.replaced);
    field(json, "unchanged", outcome.unchanged);
    json.end_object();
    return std::move(json).take();
}

}  // namespace syspulse::api
