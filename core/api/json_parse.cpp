// The reading half of json_codec.hpp, kept apart because it includes the JSON library.
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "api/json_codec.hpp"
#include "base/signals.hpp"

namespace syspulse::api {
namespace {

using nlohmann::json;

const json& at(const json& object, const char* key) {
    static const json missing;
    // Throws for what is not an object; find() alone would take that for an empty one.
    const auto& members = object.get_ref<const json::object_t&>();
    const auto found = members.find(key);
    return found == members.end() ? missing : found->second;
}

// A number with a fraction or an exponent is no count, and may be larger than T can be.
template <class T>
T converted(const json& value) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
        // Throws, as for any other kind.
        if (value.is_number_float())
            static_cast<void>(value.get_ref<const json::number_integer_t&>());
    }
    return value.get<T>();
}

template <class T>
T get(const json& object, const char* key) {
    const json& value = at(object, key);
    return value.is_null() ? T{} : converted<T>(value);
}

template <class T>
std::optional<T> get_optional(const json& object, const char* key) {
    const json& value = at(object, key);
    if (value.is_null()) return std::nullopt;
    return converted<T>(value);
}

std::optional<WallTime> get_time(const json& object, const char* key) {
    const auto text = get_optional<std::string>(object, key);
    if (!text) return std::nullopt;
    auto time = parse_rfc3339(*text);
    if (!time) return std::nullopt;
    return *time;
}

// What no Duration can hold reads as zero.
Duration from_seconds(double value) {
    constexpr double seconds_max = 9e9;
    if (!(std::abs(value) < seconds_max)) return Duration{0};
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

std::optional<ExitStatus> get_exit(const json& object) {
    std::optional<ExitStatus> exit;
    if (const auto code = get_optional<std::uint32_t>(object, "exit_code")) {
        exit = ExitStatus::exited(static_cast<std::int32_t>(*code));
    } else if (const auto name = get_optional<std::string>(object, "exit_signal")) {
        exit = ExitStatus::signalled(parse_signal(*name).value_or(0));
    }
    const bool oom_killed = get<bool>(object, "oom_killed");
    const auto peak = get_optional<std::uint64_t>(object, "memory_peak_bytes");
    // Only an exit whose status nobody could read leaves these two alone.
    if (!exit && (oom_killed || peak)) exit = ExitStatus::unknown();
    if (exit) exit->oom_killed = oom_killed;
    if (exit) exit->memory_peak_bytes = peak.value_or(0);
    return exit;
}

std::optional<model::CheckView> get_check(const json& object) {
    const json& value = at(object, "last_check");
    if (value.is_null()) return std::nullopt;
    model::CheckView check;
    check.at = get_time(value, "at").value_or(WallTime{});
    check.passed = get<bool>(value, "passed");
    check.missed = get<bool>(value, "missed");
    check.message = get<std::string>(value, "message");
    check.latency = from_seconds(get<double>(value, "latency_ms") / 1000);
    check.consecutive_failures = get<std::uint32_t>(value, "consecutive_failures");
    for (const auto& [name, number] : at(value, "metrics").items()) {
        check.metrics.push_back({name, number.get<double>()});
    }
    return check;
}

std::optional<Duration> get_duration(const json& object, const char* key) {
    const auto value = get_optional<double>(object, key);
    return value ? std::optional(from_seconds(*value)) : std::nullopt;
}

model::Pressure::Share get_share(const json& value) {
    return {get<double>(value, "avg10"), get<double>(value, "avg60"), get<double>(value, "avg300"),
            from_seconds(get<double>(value, "total_secs"))};
}

std::optional<model::Pressure> get_pressure(const json& object, const char* key) {
    const json& value = at(object, key);
    if (value.is_null()) return std::nullopt;
    return model::Pressure{get_share(at(value, "some")), get_share(at(value, "full"))};
}

std::optional<model::ProcessStats> get_stats(const json& object) {
    const json& value = at(object, "stats");
    if (value.is_null()) return std::nullopt;
    model::ProcessStats stats;
    stats.cpu_time = get_duration(value, "cpu_secs");
    stats.cpu_user = get_duration(value, "cpu_user_secs");
    stats.cpu_system = get_duration(value, "cpu_system_secs");
    stats.memory_bytes = get_optional<std::uint64_t>(value, "memory_bytes");
    stats.memory_peak_bytes = get_optional<std::uint64_t>(value, "memory_peak_bytes");
    stats.tasks = get_optional<std::uint64_t>(value, "tasks");
    stats.io_read_bytes = get_optional<std::uint64_t>(value, "io_read_bytes");
    stats.io_write_bytes = get_optional<std::uint64_t>(value, "io_write_bytes");
    stats.throttled = get_duration(value, "throttled_secs");
    stats.throttled_count = get_optional<std::uint64_t>(value, "throttled_count");
    stats.cpu_pressure = get_pressure(value, "cpu_pressure");
    stats.memory_pressure = get_pressure(value, "memory_pressure");
    stats.io_pressure = get_pressure(value, "io_pressure");
    return stats;
}

model::DaemonView get_daemon(const json& object) {
    model::DaemonView d;
    d.id = get<std::string>(object, "id");
    d.name = object.at("name").get<std::string>();
    d.state = model::parse_state(get<std::string>(object, "state")).value_or(model::State::stopped);
    d.health_status = model::parse_health(get<std::string>(object, "health_status"))
                          .value_or(model::Health::unknown);
    d.paused = get<bool>(object, "paused");
    d.spec_changed = get<bool>(object, "spec_changed");
    d.killed_after = get_duration(object, "killed_after_secs");
    d.stopped_dependents = get<std::vector<std::string>>(object, "stopped_dependents");
    d.pid = get_optional<std::int64_t>(object, "pid");
    d.driver = get<std::string>(object, "driver");
    d.started_at = get_time(object, "started_at");
    d.stopped_at = get_time(object, "stopped_at");
    d.last_exit = get_exit(object);
    d.restart_count = get<std::uint32_t>(object, "restart_count");
    d.uptime_secs = get_optional<double>(object, "uptime_secs");
    d.next_run_at = get_time(object, "next_run_at");
    d.next_restart_at = get_time(object, "next_restart_at");
    d.stdout_log = get<std::string>(object, "stdout_log");
    d.stderr_log = get<std::string>(object, "stderr_log");
    d.output_bytes = get<std::uint64_t>(object, "output_bytes");
    d.output_lines = get_optional<std::uint64_t>(object, "output_lines");
    d.output_dropped_bytes = get<std::uint64_t>(object, "output_dropped_bytes");
    d.description = get<std::string>(object, "description");
    d.tags = get<std::vector<std::string>>(object, "tags");
    d.last_error = get<std::string>(object, "last_error");
    d.depends_on = get<std::vector<std::string>>(object, "depends_on");
    d.options_error = get<std::string>(object, "options_error");
    d.waiting_for = get<std::string>(object, "waiting_for");
    d.run = RunId{get<std::uint64_t>(object, "run")};
    d.last_check = get_check(object);
    d.stats = get_stats(object);
    return d;
}

}  // namespace

Result<model::DaemonView> parse_daemon(std::string_view text) {
    try {
        return get_daemon(json::parse(text));
    } catch (const json::exception& e) {
        return Error{ErrorCode::corrupt, std::string("cannot read daemon object: ") + e.what()};
    }
}

}  // namespace syspulse::api
