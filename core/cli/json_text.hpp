// Between the JSON of the API and plain structs. Reading is tolerant: fields that an older or newer
// manager does not send are absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "cli/failure.hpp"
#include "config/spec_loader.hpp"

namespace syspulse::cli {

// A daemon as the API gives it; empty strings stand for null.
struct DaemonInfo {
    std::string raw;  // Its JSON as it came.
    std::string name;
    std::string state;
    std::string health;
    std::string driver;
    std::string started_at;
    std::string stopped_at;
    std::string next_run_at;
    std::string next_restart_at;
    std::string description;
    std::string last_error;
    std::string waiting_for;
    std::string exit_signal;
    std::vector<std::string> tags;
    std::vector<std::string> depends_on;
    std::optional<std::int64_t> pid;
    std::optional<std::int64_t> exit_code;
    std::optional<double> uptime_secs;
    std::optional<double> killed_after_secs;
    std::int64_t restart_count = 0;
    bool paused = false;
    bool spec_changed = false;
    std::string not_checked;    // Why its last check could not be made.
    std::string options_error;  // What of its options its plugins do not take.
    std::string driver_error;   // What is wrong with the process that its driver runs in.
};

struct EventInfo {
    std::int64_t id = 0;
    std::string at;
    std::string daemon;
    std::string kind;
    std::string from;
    std::string to;
    std::string reason;
    std::string exit_signal;
    std::optional<std::int64_t> pid;
    std::optional<std::int64_t> exit_code;
};

struct PluginInfo {
    std::string raw;
    std::string name;
    std::string version;
    std::string state;
    std::string error;  // Why it is not loaded.
    std::string isolation;
    std::string host_state;  // Of the process of an isolated plugin.
    std::vector<std::string> host_culprits;
    std::string host_error;
    std::int64_t host_restarts = 0;
    std::optional<std::int64_t> host_pid;
    bool file_changed = false;  // Since it was loaded.
    std::string path;
    std::vector<std::string> kinds;  // "driver posix".
};

// One line of a detailed view: what it is, and its value.
using Field = std::pair<std::string, std::string>;

std::string json_string(std::string_view text);  // Quoted; broken UTF-8 replaced.
std::string json_array(const std::vector<std::string>& raw_values);

// `"code":404,"kind":"daemon_not_found","message":"..."`, without braces.
std::string failure_members(const Failure& failure);

// The kind and message of an error object; empty ones when the text is something else.
Failure decode_failure(std::string_view text);

Result<DaemonInfo> decode_daemon(std::string_view text);
Result<std::vector<DaemonInfo>> decode_daemons(std::string_view text);
Result<EventInfo> decode_event(std::string_view line);
Result<std::vector<PluginInfo>> decode_plugins(std::string_view text);

// What the loader must know about plugins, from the answer to GET /v1/plugins.
Result<config::KnownPlugins> decode_known_plugins(std::string_view text);

// The texts in the list `key` of an object; none when there is no such list.
std::vector<std::string> decode_names(std::string_view text, const char* key);
// The member "value" of an object, if it has one.
std::optional<std::string> decode_value(std::string_view text);

// Every field of an object in its order, nested ones as "outer.inner", nulls left out.
Result<std::vector<Field>> decode_fields(std::string_view text);

// The same value with line breaks and indentation for a person.
std::string indented(std::string_view text);

}  // namespace syspulse::cli
