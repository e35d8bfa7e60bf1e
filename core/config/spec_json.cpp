#include "config/spec_json.hpp"

#include <nlohmann/json.hpp>

#include "base/signals.hpp"
#include "config/plain_spec.hpp"
#include "config/spec_loader.hpp"

namespace syspulse::config {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Whole seconds as integers, so that the text reads as the operator wrote it.
OrderedJson seconds(Duration duration) {
    constexpr double nanos = 1e9;
    if (duration.count() % 1'000'000'000 == 0) return duration.count() / 1'000'000'000;
    return static_cast<double>(duration.count()) / nanos;
}

// Numbers that are whole are written without a fraction.
OrderedJson number(double value) {
    const auto whole = static_cast<std::int64_t>(value);
    if (static_cast<double>(whole) == value) return whole;
    return value;
}

OrderedJson options(const model::PluginChoice& choice) {
    auto parsed = OrderedJson::parse(choice.options_json, nullptr, false);
    return parsed.is_object() ? parsed : OrderedJson::object();
}

std::string_view word(model::HealthCheckSpec::OnUnhealthy reaction) {
    return reaction == model::HealthCheckSpec::OnUnhealthy::restart ? "restart" : "none";
}

std::string_view word(model::ScheduleSpec::Overlap overlap) {
    switch (overlap) {
        case model::ScheduleSpec::Overlap::skip:
            return "skip";
        case model::ScheduleSpec::Overlap::queue:
            return "queue";
        case model::ScheduleSpec::Overlap::replace:
            return "replace";
    }
    return "skip";
}

std::string_view word(model::ScheduleSpec::CatchUp catch_up) {
    return catch_up == model::ScheduleSpec::CatchUp::one ? "one" : "none";
}

OrderedJson health_check(const model::HealthCheckSpec& check) {
    OrderedJson json;
    json["type"] = check.checker.type;
    if (!check.target.empty()) json["target"] = check.target;
    json["interval_secs"] = seconds(check.interval);
    json["timeout_secs"] = seconds(check.timeout);
    json["retries"] = check.retries;
    json["start_period_secs"] = seconds(check.start_period);
    json["success_threshold"] = check.success_threshold;
    json["on_unhealthy"] = word(check.on_unhealthy);
    json["with"] = options(check.checker);
    return json;
}

OrderedJson restart_policy(const model::RestartPolicy& policy) {
    OrderedJson json;
    json["policy"] = model::to_string(policy.kind);
    if (policy.max_retries) json["max_retries"] = *policy.max_retries;
    json["backoff_base_secs"] = seconds(policy.backoff_base);
    json["backoff_max_secs"] = seconds(policy.backoff_max);
    json["reset_after_secs"] = seconds(policy.reset_after);
    return json;
}

OrderedJson resource_limits(const model::ResourceLimits& limits) {
    OrderedJson json = OrderedJson::object();
    if (limits.max_memory_bytes) json["max_memory_bytes"] = *limits.max_memory_bytes;
    if (limits.max_cpu_percent) json["max_cpu_percent"] = number(*limits.max_cpu_percent);
    if (limits.max_open_files) json["max_open_files"] = *limits.max_open_files;
    if (limits.max_processes) json["max_processes"] = *limits.max_processes;
    return json;
}

OrderedJson schedule(const model::ScheduleSpec& spec) {
    OrderedJson json;
    json["cron"] = spec.cron;
    if (!spec.timezone.empty()) json["timezone"] = spec.timezone;
    json["overlap"] = word(spec.overlap);
    json["catch_up"] = word(spec.catch_up);
    return json;
}

OrderedJson log_config(const model::LogConfig& log) {
    OrderedJson json;
    json["max_size_bytes"] = log.max_size_bytes;
    json["retain_count"] = log.retain_count;
    json["compress_rotated"] = log.compress_rotated;
    json["timestamps"] = log.timestamps;
    if (log.on_full == model::LogConfig::OnFull::block) json["on_full"] = "block";
    if (!log.capture) json["capture"] = false;
    return json;
}

// Signals without a name of their own are written as their number.
std::string signal_word(std::int32_t number) {
    std::string name = signal_name(number);
    return parse_signal(name) ? name : std::to_string(number);
}

OrderedJson environment(const model::DaemonSpec& spec) {
    OrderedJson json = OrderedJson::object();
    for (const auto& [name, text] : spec.env) json[name] = text;
    return json;
}

}  // namespace

std::string to_json(const model::DaemonSpec& spec) {
    OrderedJson json;
    json["command"] = spec.command;
    if (!spec.description.empty()) json["description"] = spec.description.text();
    if (!spec.working_dir.empty()) json["working_dir"] = spec.working_dir.text();
    if (!spec.env.empty()) json["env"] = environment(spec);
    if (!spec.user.empty()) json["user"] = spec.user.text();
    json["driver"] = {{"type", spec.driver.type}, {"with", options(spec.driver)}};
    if (spec.health_check) json["health_check"] = health_check(*spec.health_check);
    json["restart_policy"] = restart_policy(spec.restart);
    json["success_exit_codes"] = spec.success_exit_codes.codes();
    json["stop_signal"] = signal_word(spec.stop_signal);
    json["stop_timeout_secs"] = seconds(spec.stop_timeout);
    if (spec.limits != model::ResourceLimits{}) {
        json["resource_limits"] = resource_limits(spec.limits);
    }
    if (spec.schedule) json["schedule"] = schedule(*spec.schedule);
    json["log_config"] = log_config(spec.log);
    if (!spec.tags.empty()) json["tags"] = spec.tags.items();
    if (!spec.depends_on.empty()) json["depends_on"] = spec.depends_on.items();
    json["autostart"] = spec.autostart;
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

Result<model::DaemonSpec> from_stored_json(std::string_view name, std::string_view json) {
    if (auto plain = read_plain_spec(name, json)) return *std::move(plain);
    // The stored text is put into a request, so that there is one reader for both.
    const std::string quoted =
        OrderedJson(name).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
    const std::string request = "{\"daemons\":{" + quoted + ":" + std::string(json) + "}}";
    LoadOptions options;
    options.tolerate_unknown_dependencies = true;
    options.exit_code_most = UINT32_MAX;
    options.keep_places = false;
    LoadResult loaded = load_specs_json(request, options);
    if (loaded.errors.empty() && loaded.daemons.size() == 1) return std::move(loaded.daemons[0]);
    // Once more, to say where it is wrong.
    options.keep_places = true;
    loaded = load_specs_json(request, options);
    const std::string cause =
        loaded.errors.empty() ? "it holds more than one spec" : format_errors(loaded.errors);
    return Error{ErrorCode::corrupt,
                 "cannot read the stored spec of \"" + std::string(name) + "\": " + cause};
}

}  // namespace syspulse::config
