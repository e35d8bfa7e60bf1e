// One daemon's block into a DaemonSpec. What concerns several daemons is checked by the loader.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/plugin_set.hpp"
#include "config/spec_loader.hpp"
#include "config/value.hpp"
#include "model/daemon_spec.hpp"

namespace syspulse::config {

// What the blocks of one file are read with.
struct ReadContext {
    const LoadOptions& options;
    PluginSet& drivers;
    PluginSet& checkers;
    Issues& issues;
    std::filesystem::path base;  // Relative directories start here; empty refuses them.
};

// A daemon with the places that later checks need.
struct ReadDaemon {
    model::DaemonSpec spec;
    Position name_where;
    std::vector<Position> dependency_where;  // One per entry of spec.depends_on.
};

ReadDaemon read_daemon(const Member& entry, ReadContext& context);

// The blocks inside a daemon. Issues go to the context; the spec keeps its defaults where one is
// wrong.
void read_health_check(const Value& block, model::DaemonSpec& spec, ReadContext& context);
void read_restart_policy(const Value& block, model::RestartPolicy& policy, ReadContext& context);
void read_schedule(const Value& block, model::DaemonSpec& spec, ReadContext& context);
void read_log_config(const Value& block, model::LogConfig& log, ReadContext& context);
// The block "plugins" of the manager's configuration.
std::vector<PluginSetting> read_plugins(const Value& block, const LoadOptions& options,
                                        Issues& issues);
// The driver must have been read.
void read_resource_limits(const Value& block, model::DaemonSpec& spec, ReadContext& context);

// True when the value is a map; else says what `key` must be.
bool require_map(std::string_view key, const Value& value, std::string_view expected,
                 Issues& issues);

}  // namespace syspulse::config
