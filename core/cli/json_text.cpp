#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

namespace syspulse::cli {
namespace {

using Json = nlohmann::ordered_json;

Json parse(std::string_view text) {
    return Json::parse(text.begin(), text.end(), nullptr, false);
}

std::string dump(const Json& value, int indent = -1) {
    return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Error not_understood(std::string_view what) {
    return {ErrorCode::internal, "cannot read the manager's answer: it is not " +
                                     std::string(what) +
                                     "; do client and manager have the same version?"};
}

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> integer_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer()
               ? std::optional(found->get<std::int64_t>())
               : std::nullopt;
}

std::optional<double> number_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? std::optional(found->get<double>())
                                                       : std::nullopt;
}

std::vector<std::string> texts_of(const Json& object, const char* key) {
    std::vector<std::string> texts;
    const auto found = object.find(key);
    if (found != object.end() && found->is_array()) {
        for (const Json& item : *found) {
            if (item.is_string()) {
                texts.push_back(item.get<std::string>());
            }
        }
    }
    return texts;
}

std::string missed_check(const Json& daemon) {
    const auto check = daemon.find("last_check");
    if (check == daemon.end() || !check->is_object()) {
        return "";
    }
    const auto missed = check->find("missed");
    return missed != check->end() && *missed == Json(true) ? text_of(*check, "message") : "";
}

std::string trouble_of_driver(const Json& daemon) {
    const auto host = daemon.find("driver_host");
    if (host == daemon.end() || !host->is_object()) {
        return "";
    }
    const std::string state = text_of(*host, "state");
    return state == "restarting" || state == "failed" ? state + ": " + text_of(*host, "last_error")
                                                      : "";
}

DaemonInfo daemon_of(const Json& object) {
    DaemonInfo info;
    info.raw = dump(object);
    info.name = text_of(object, "name");
    info.state = text_of(object, "state");
    info.health = text_of(object, "health_status");
    info.driver = text_of(object, "driver");
    info.started_at = text_of(object, "started_at");
    info.stopped_at = text_of(object, "stopped_at");
    info.next_run_at = text_of(object, "next_run_at");
    info.next_restart_at = text_of(object, "next_restart_at");
    info.description = text_of(object, "description");
    info.last_error = text_of(object, "last_error");
    info.waiting_for = text_of(object, "waiting_for");
    info.exit_signal = text_of(object, "exit_signal");
    info.tags = texts_of(object, "tags");
    info.depends_on = texts_of(object, "depends_on");
    info.pid = integer_of(object, "pid");
    info.exit_code = integer_of(object, "exit_code");
    info.uptime_secs = number_of(object, "uptime_secs");
    info.killed_after_secs = number_of(object, "killed_after_secs");
    const auto is_true = [&object](const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_boolean() && found->get<bool>();
    };
    info.paused = is_true("paused");
    info.spec_changed = is_true("spec_changed");
    info.options_error = text_of(object, "options_error");
    info.not_checked = missed_check(object);
    info.driver_error = trouble_of_driver(object);
    info.restart_count = integer_of(object, "restart_count").value_or(0);
    return info;
}

// A list may come as it is or as the one member of an object.
const Json* list_in(const Json& document, const char* key) {
    if (document.is_array()) {
        return &document;
    }
    const auto found = document.is_object() ? document.find(key) : document.end();
    return found != document.end() && found->is_array() ? &*found : nullptr;
}

std::string shown(const Json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (!value.is_array()) {
        return dump(value);
    }
    std::string text;
    for (const Json& item : value) {
        text.append(text.empty() ? "" : ", ").append(shown(item));
    }
    return text;
}

void collect(const Json& object, const std::string& prefix, int depth, std::vector<Field>& fields) {
    for (const auto& [key, value] : object.items()) {
        if (value.is_object() && depth < 4) {
            collect(value, prefix + key + ".", depth + 1, fields);
        } else if (!value.is_null()) {
            fields.emplace_back(prefix + key, shown(value));
        }
    }
}

PluginInfo plugin_of(const Json& object) {
    PluginInfo info;
    info.raw = dump(object);
    info.name = text_of(object, "name");
    info.version = text_of(object, "version");
    info.path = text_of(object, "path");
    info.state = text_of(object, "state");
    info.error = text_of(object, "error");
    info.isolation = text_of(object, "isolation");
    const auto changed = object.find("file_changed");
    info.file_changed = changed != object.end() && *changed == Json(true);
    if (const auto host = object.find("host"); host != object.end() && host->is_object()) {
        info.host_state = text_of(*host, "state");
        info.host_error = text_of(*host, "last_error");
        info.host_pid = integer_of(*host, "pid");
        info.host_restarts = integer_of(*host, "restarts").value_or(0);
        if (const Json* culprits = list_in(*host, "culprits"); culprits != nullptr) {
            for (const Json& culprit : *culprits) {
                info.host_culprits.push_back(text_of(culprit, "daemon"));
            }
        }
    }
    if (const Json* kinds = list_in(object, "kinds"); kinds != nullptr) {
        for (const Json& kind : *kinds) {
            info.kinds.push_back(text_of(kind, "kind") + " " + text_of(kind, "name"));
        }
    }
    return info;
}

config::PluginKind kind_of(const Json& object) {
    config::PluginKind kind;
    kind.name = text_of(object, "name");
    if (const auto schema = object.find("schema"); schema != object.end() && schema->is_object()) {
        kind.schema_json = dump(*schema);
    }
    for (const std::string& limit : texts_of(object, "limits")) {
        kind.enforces_memory |= limit == "max_memory_bytes";
        kind.enforces_cpu |= limit == "max_cpu_percent";
        kind.enforces_open_files |= limit == "max_open_files";
        kind.enforces_processes |= limit == "max_processes";
    }
    return kind;
}

}  // namespace

std::string json_string(std::string_view text) {
    return dump(Json(text));
}

std::string json_array(const std::vector<std::string>& raw_values) {
    std::string text = "[";
    for (const std::string& value : raw_values) {
        text.append(text.size() == 1 ? "" : ",").append(value);
    }
    return text.append("]");
}

std::string failure_members(const Failure& failure) {
    return "\"code\":" + std::to_string(failure.code) + ",\"kind\":" + json_string(failure.kind) +
           ",\"message\":" + json_string(failure.message);
}

Failure decode_failure(std::string_view text) {
    const Json document = parse(text);
    Failure failure;
    failure.kind = "internal";
    if (document.is_object() && document.contains("error") && document["error"].is_object()) {
        failure.kind = text_of(document["error"], "kind");
        failure.message = text_of(document["error"], "message");
    }
    return failure;
}

Result<DaemonInfo> decode_daemon(std::string_view text) {
    const Json document = parse(text);
    if (!document.is_object()) {
        return not_understood("a daemon");
    }
    return daemon_of(document);
}

Result<std::vector<DaemonInfo>> decode_daemons(std::string_view text) {
    const Json document = parse(text);
    const Json* list = list_in(document, "daemons");
    if (list == nullptr) {
        return not_understood("a list of daemons");
    }
    std::vector<DaemonInfo> daemons;
    for (const Json& item : *list) {
        if (!item.is_object()) {
            return not_understood("a list of daemons");
        }
        daemons.push_back(daemon_of(item));
    }
    return daemons;
}

Result<EventInfo> decode_event(std::string_view line) {
    const Json object = parse(line);
    if (!object.is_object()) {
        return not_understood("an event");
    }
    EventInfo event;
    event.id = integer_of(object, "id").value_or(0);
    event.at = text_of(object, "at");
    event.daemon = text_of(object, "daemon");
    event.kind = text_of(object, "kind");
    event.from = text_of(object, "from");
    event.to = text_of(object, "to");
    event.reason = text_of(object, "reason");
    event.exit_signal = text_of(object, "exit_signal");
    event.pid = integer_of(object, "pid");
    event.exit_code = integer_of(object, "exit_code");
    return event;
}

Result<std::vector<PluginInfo>> decode_plugins(std::string_view text) {
    const Json document = parse(text);
    const Json* list = list_in(document, "plugins");
    if (list == nullptr) {
        return not_understood("a list of plugins");
    }
    std::vector<PluginInfo> plugins;
    for (const Json& item : *list) {
        plugins.push_back(item.is_object() ? plugin_of(item) : PluginInfo{});
    }
    return plugins;
}

Result<config::KnownPlugins> decode_known_plugins(std::string_view text) {
    const Json document = parse(text);
    const Json* list = list_in(document, "plugins");
    if (list == nullptr) {
        return not_understood("a list of plugins");
    }
    config::KnownPlugins known;
    for (const Json& plugin : *list) {
        const Json* kinds = plugin.is_object() ? list_in(plugin, "kinds") : nullptr;
        for (const Json& kind : kinds == nullptr ? Json::array() : *kinds) {
            const bool driver = text_of(kind, "kind") == "driver";
            (driver ? known.drivers : known.checkers).push_back(kind_of(kind));
        }
    }
    return known;
}

std::vector<std::string> decode_names(std::string_view text, const char* key) {
    const Json document = parse(text);
    return document.is_object() ? texts_of(document, key) : std::vector<std::string>{};
}

std::optional<std::string> decode_value(std::string_view text) {
    const Json document = parse(text);
    const bool known = document.is_object() && document.contains("value");
    return known ? std::optional(text_of(document, "value")) : std::nullopt;
}

Result<std::vector<Field>> decode_fields(std::string_view text) {
    const Json document = parse(text);
    if (!document.is_object()) {
        return not_understood("an object");
    }
    std::vector<Field> fields;
    collect(document, {}, 0, fields);
    return fields;
}

std::string indented(std::string_view text) {
    const Json document = parse(text);
    return document.is_discarded() ? std::string(text) : dump(document, 2);
}

}  // namespace syspulse::cli
