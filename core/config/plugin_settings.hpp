// The block "plugins" of the manager's configuration: how each plugin is kept apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"

namespace syspulse::config {

// What is absent keeps its default.
struct PluginSetting {
    std::string name;  // A plugin's id, or its file name without the ending.
    std::optional<bool> isolated;
    std::string user;
    std::string group;
    std::optional<std::uint64_t> max_memory_bytes;
    std::optional<std::uint64_t> max_open_files;
    std::optional<Duration> watchdog;
    std::optional<Duration> backoff_base;
    std::optional<Duration> backoff_max;
    std::optional<Duration> reset_after;
    std::optional<std::uint32_t> max_retries;

    bool operator==(const PluginSetting&) const = default;
};

}  // namespace syspulse::config
