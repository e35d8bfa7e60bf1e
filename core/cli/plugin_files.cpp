#include "cli/plugin_files.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "api/control_service.hpp"
#include "api/json_codec.hpp"
#include "cli/paths.hpp"
#include "config/json_schema.hpp"
#include "manager/known_plugins.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::cli {
namespace {

std::vector<std::string> limit_names(std::uint32_t enforces) {
    constexpr std::array<std::pair<std::uint32_t, const char*>, 4> names{
        {{plugin_host::limit_memory, "max_memory_bytes"},
         {plugin_host::limit_cpu, "max_cpu_percent"},
         {plugin_host::limit_open_files, "max_open_files"},
         {plugin_host::limit_processes, "max_processes"}}};
    std::vector<std::string> limits;
    for (const auto& [bit, name] : names) {
        if ((enforces & bit) != 0) {
            limits.emplace_back(name);
        }
    }
    return limits;
}

api::PluginView view_of(const plugin_host::PluginInfo& plugin) {
    api::PluginView view;
    view.name = plugin.id;
    view.version = plugin.version;
    view.vendor = plugin.vendor;
    view.path = plugin.path.string();
    view.state = plugin.loaded() ? "loaded" : "failed";
    view.error = plugin.error;
    for (const plugin_host::KindInfo& kind : plugin.kinds) {
        const bool driver = kind.type == plugin_host::KindType::driver;
        view.kinds.push_back({.kind = driver ? "driver" : "checker",
                              .name = kind.name,
                              .description = kind.summary,
                              .schema_json = driver ? kind.process_schema : kind.config_schema,
                              .capabilities = {},
                              .limits = limit_names(kind.enforces)});
    }
    return view;
}

}  // namespace

Result<PluginFiles> load_plugin_files(const std::vector<std::string>& plugin_dirs) {
    plugin_host::PluginCatalog catalog;
    for (const auto& directory : manager::plugin_search_path(paths_of(plugin_dirs))) {
        catalog.load_directory(directory, config::check_schema);
    }
    std::vector<api::PluginView> views;
    for (const plugin_host::PluginInfo& plugin : catalog.plugins()) {
        views.push_back(view_of(plugin));
    }
    return PluginFiles{manager::known_plugins(catalog), api::to_json(views)};
}

}  // namespace syspulse::cli
