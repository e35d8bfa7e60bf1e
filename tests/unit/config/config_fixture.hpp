// Plugins and options that the config tests share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/spec_loader.hpp"

namespace syspulse::config {

inline KnownPlugins fake_plugins() {
    KnownPlugins plugins;
    plugins.drivers.push_back({.name = "posix",
                               .schema_json = "",
                               .enforces_memory = true,
                               .enforces_open_files = true,
                               .enforces_processes = true});
    plugins.drivers.push_back(
        {.name = "cgroup",
         .schema_json = R"({"type":"object","properties":{"slice":{"type":"string"},
            "memory_high":{"type":"string"},"cpu_weight":{"type":"integer"},
            "no_new_privs":{"type":"boolean"},"umask":{"type":"string"}}})",
         .enforces_memory = true,
         .enforces_cpu = true,
         .enforces_open_files = true,
         .enforces_processes = true,
         .plugin_id = "org.example.groups"});
    plugins.checkers.push_back({.name = "tcp", .schema_json = R"({"type":"object"})"});
    plugins.checkers.push_back({.name = "http", .schema_json = R"({"type":"object","properties":{
            "method":{"type":"string","enum":["GET","HEAD","POST"],"default":"GET"},
            "expect_status":{"type":"array","items":{"type":"integer","minimum":100,"maximum":599}},
            "headers":{"type":"object","additionalProperties":{"type":"string"}}}})"});
    plugins.checkers.push_back({.name = "command", .schema_json = R"({"type":"object"})"});
    return plugins;
}

// The environment has HOME=/root and EMPTY=""; the users are root and www-data.
inline LoadOptions fake_options() {
    static const KnownPlugins plugins = fake_plugins();
    LoadOptions options;
    options.plugins = &plugins;
    options.environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "HOME") return "/root";
        if (name == "COUNT") return "7";
        if (name == "LATIN1") return "caf\xE9";
        if (name == "EMPTY") return "";
        return std::nullopt;
    };
    options.user_exists = [](std::string_view user) {
        return user == "root" || user == "www-data" || user == "postgres";
    };
    return options;
}

inline LoadResult load(std::string_view text) {
    return load_spec_text("a.yaml", text, fake_options());
}

inline std::string errors_of(std::string_view text) {
    return format_errors(load(text).errors);
}

}  // namespace syspulse::config
