// The block "plugins" of the manager's configuration: how each plugin is kept apart.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

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

    // Where the name stands.
    std::string file;
    int line = 0;
    int column = 0;
};

// What settings can name.
struct PluginName {
    std::string id;    // Empty for a file that could not be loaded.
    std::string stem;  // The file's name without the ending.
    std::vector<std::string> kinds;
};

// What is wrong with one of several settings, in the order of their files.
struct SettingIssue {
    const PluginSetting* setting = nullptr;
    std::string message;
    // A name that no plugin has is none: the plugin may come later.
    bool is_error = false;
};

std::vector<SettingIssue> check_settings(std::span<const PluginSetting> settings,
                                         std::span<const PluginName> plugins);

}  // namespace syspulse::config
