#include "manager/plugin_views.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace syspulse::manager {
namespace {

std::vector<std::string> limit_names(std::uint32_t enforces) {
    constexpr std::array<std::pair<std::uint32_t, const char*>, 4> names{
        {{plugin_host::limit_memory, "max_memory_bytes"},
         {plugin_host::limit_cpu, "max_cpu_percent"},
         {plugin_host::limit_open_files, "max_open_files"},
         {plugin_host::limit_processes, "max_processes"}}};
    std::vector<std::string> limits;
    for (const auto& [bit, name] : names) {
        if ((enforces & bit) != 0) limits.emplace_back(name);
    }
    return limits;
}

std::string state_text(plugin_host::HostStatus::State state) {
    using HostState = plugin_host::HostStatus::State;
    switch (state) {
        case HostState::idle:
            return "idle";
        case HostState::running:
            return "running";
        case HostState::waiting:
            return "restarting";
        case HostState::failed:
            return "failed";
    }
    return "failed";
}

model::PluginHostView view_of(const plugin_host::HostStatus& status) {
    model::PluginHostView view;
    view.state = state_text(status.state);
    if (status.pid != 0) view.pid = status.pid;
    view.restarts = status.restarts;
    view.last_error = status.last_error;
    view.last_error_at = status.last_error_at;
    for (const auto& [daemon, error] : status.culprits) view.culprits.push_back({daemon, error});
    view.misbehaviour = status.misbehaviour;
    return view;
}

}  // namespace

api::PluginView plugin_view(const plugin_host::PluginInfo& plugin) {
    api::PluginView view;
    view.name = plugin.id;
    view.version = plugin.version;
    view.vendor = plugin.vendor;
    view.path = plugin.path.string();
    view.isolation = plugin.isolated ? "process" : "none";
    view.state = plugin.loaded() ? "loaded" : "failed";
    view.error = plugin.error;
    view.bundled = plugin.bundled;
    for (const plugin_host::KindInfo& kind : plugin.kinds) {
        const bool driver = kind.type == plugin_host::KindType::driver;
        if (view.description.empty()) view.description = kind.summary;
        view.kinds.push_back({.kind = driver ? "driver" : "checker",
                              .name = kind.name,
                              .description = kind.summary,
                              .schema_json = driver ? kind.process_schema : kind.config_schema,
                              .capabilities = {},
                              .limits = limit_names(kind.enforces)});
    }
    return view;
}

std::vector<api::PluginView> plugin_views(const plugin_host::PluginHost& plugins) {
    std::vector<api::PluginView> views;
    const std::vector<std::string> changed = plugins.changed_files();
    for (const plugin_host::PluginInfo& plugin : plugins.catalog().plugins()) {
        views.push_back(plugin_view(plugin));
        views.back().file_changed = plugin.loaded() && std::find(changed.begin(), changed.end(),
                                                                 plugin.id) != changed.end();
        if (const auto host = plugins.host(plugin.id)) views.back().host = view_of(*host);
    }
    return views;
}

std::optional<model::PluginHostView> driver_host(const plugin_host::PluginHost& plugins,
                                                 std::string_view driver) {
    for (const plugin_host::PluginInfo& plugin : plugins.catalog().plugins()) {
        const bool provides =
            std::any_of(plugin.kinds.begin(), plugin.kinds.end(), [&](const auto& kind) {
                return kind.type == plugin_host::KindType::driver && kind.name == driver;
            });
        if (!plugin.loaded() || !provides) continue;
        if (const auto host = plugins.host(plugin.id)) return view_of(*host);
    }
    return std::nullopt;
}

std::map<std::string, model::PluginHostView> hosts_in_trouble(
    const plugin_host::PluginHost& plugins) {
    using HostState = plugin_host::HostStatus::State;
    std::map<std::string, model::PluginHostView> hosts;
    for (const plugin_host::PluginInfo& plugin : plugins.catalog().plugins()) {
        const auto host = plugin.loaded() ? plugins.host(plugin.id) : std::nullopt;
        if (!host || host->state == HostState::idle || host->state == HostState::running) continue;
        for (const auto& kind : plugin.kinds) {
            if (kind.type == plugin_host::KindType::driver)
                hosts.emplace(kind.name, view_of(*host));
        }
    }
    return hosts;
}

std::string plugin_id(const plugin_host::PluginCatalog& catalog, const std::string& name) {
    for (const plugin_host::PluginInfo& plugin : catalog.plugins()) {
        if (plugin.id == name) return name;
    }
    for (const plugin_host::PluginInfo& plugin : catalog.plugins()) {
        for (const auto& kind : plugin.kinds) {
            if (plugin.loaded() && kind.name == name) return plugin.id;
        }
    }
    return name;
}

}  // namespace syspulse::manager
