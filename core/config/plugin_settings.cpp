#include "config/plugin_settings.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "config/suggest.hpp"

namespace syspulse::config {
namespace {

bool means(const PluginSetting& setting, const PluginName& plugin) {
    return setting.name == plugin.stem || (!plugin.id.empty() && setting.name == plugin.id);
}

std::string place_of(const PluginSetting& setting) {
    return setting.file + ":" + std::to_string(setting.line) + ":" + std::to_string(setting.column);
}

// What people call a plugin, and the name that they mean by it: the last word of its id, and the
// drivers and checkers in it, are none.
std::map<std::string, std::string, std::less<>> words_for(std::span<const PluginName> plugins) {
    std::map<std::string, std::string, std::less<>> words;
    for (const PluginName& plugin : plugins) {
        words.emplace(plugin.stem, plugin.stem);
        if (!plugin.id.empty()) words.emplace(plugin.id, plugin.id);
    }
    for (const PluginName& plugin : plugins) {
        const std::string& name = plugin.id.empty() ? plugin.stem : plugin.id;
        words.emplace(name.substr(name.rfind('.') + 1), name);
        for (const std::string& kind : plugin.kinds) words.emplace(kind, name);
    }
    return words;
}

std::string of_nobody(const std::string& name, std::span<const PluginName> plugins) {
    const auto words = words_for(plugins);
    std::vector<std::string_view> candidates;
    for (const auto& [word, meant] : words) candidates.push_back(word);
    const auto near = nearest(name, candidates);
    const std::string hint =
        near ? "; did you mean \"" + words.find(*near)->second + "\"?" : std::string();
    return "the settings of plugin \"" + name + "\" are for none that is installed" + hint +
           "; see: syspulse plugin list";
}

// The first key that both give another value.
std::string_view contradiction(const PluginSetting& a, const PluginSetting& b) {
    const auto differ = [](const auto& one, const auto& other) {
        return one && other && *one != *other;
    };
    const auto texts_differ = [](const std::string& one, const std::string& other) {
        return !one.empty() && !other.empty() && one != other;
    };
    if (differ(a.isolated, b.isolated)) return "isolation";
    if (texts_differ(a.user, b.user)) return "user";
    if (texts_differ(a.group, b.group)) return "group";
    if (differ(a.max_memory_bytes, b.max_memory_bytes)) return "max_memory_bytes";
    if (differ(a.max_open_files, b.max_open_files)) return "max_open_files";
    if (differ(a.watchdog, b.watchdog)) return "watchdog_secs";
    if (differ(a.backoff_base, b.backoff_base)) return "backoff_base_secs";
    if (differ(a.backoff_max, b.backoff_max)) return "backoff_max_secs";
    if (differ(a.reset_after, b.reset_after)) return "reset_after_secs";
    if (differ(a.max_retries, b.max_retries)) return "max_retries";
    return {};
}

void compare(const PluginSetting& first, const PluginSetting& second,
             std::span<const PluginName> plugins, std::vector<SettingIssue>& issues) {
    for (const PluginName& plugin : plugins) {
        if (!means(first, plugin) || !means(second, plugin)) continue;
        const std::string_view key = contradiction(first, second);
        if (key.empty()) return;
        const std::string again =
            first.name == second.name
                ? "\"" + second.name + "\" stands"
                : "\"" + second.name + "\" is the plugin that stands as \"" + first.name + "\"";
        issues.push_back({&second,
                          again + " in " + place_of(first) + " already, with another \"" +
                              std::string(key) + "\"; give one plugin one block",
                          true});
        return;
    }
}

}  // namespace

std::vector<SettingIssue> check_settings(std::span<const PluginSetting> settings,
                                         std::span<const PluginName> plugins) {
    std::vector<SettingIssue> issues;
    for (const PluginSetting& setting : settings) {
        const bool known = std::any_of(plugins.begin(), plugins.end(),
                                       [&](const auto& plugin) { return means(setting, plugin); });
        if (!known) issues.push_back({&setting, of_nobody(setting.name, plugins), false});
        for (const PluginSetting& before : settings) {
            if (&before == &setting) break;
            compare(before, setting, plugins, issues);
        }
    }
    return issues;
}

}  // namespace syspulse::config
