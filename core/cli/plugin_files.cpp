#include "cli/plugin_files.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "api/control_service.hpp"
#include "api/json_codec.hpp"
#include "cli/paths.hpp"
#include "config/json_schema.hpp"
#include "manager/known_plugins.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "plugin_host/plugin_host.hpp"

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

// Plugins that run in this process, for as long as somebody asks them.
struct Loaded {
    std::unique_ptr<platform::Clock> clock = platform::make_system_clock();
    std::unique_ptr<platform::EventLoop> loop;
    std::unique_ptr<plugin_host::PluginHost> host;
};

}  // namespace

Result<PluginFiles> load_plugin_files(const std::vector<std::string>& plugin_dirs) {
    const auto loaded = std::make_shared<Loaded>();
    auto loop = platform::make_event_loop(*loaded->clock);
    if (!loop) {
        return loop.error();
    }
    loaded->loop = std::move(*loop);
    plugin_host::HostOptions options;
    options.search_paths = manager::plugin_search_path(paths_of(plugin_dirs));
    options.schema_check = config::check_schema;
    auto host = plugin_host::PluginHost::create(*loaded->loop, *loaded->clock, std::move(options));
    if (!host) {
        return host.error();
    }
    loaded->host = std::move(*host);
    std::vector<api::PluginView> views;
    for (const plugin_host::PluginInfo& plugin : loaded->host->catalog().plugins()) {
        views.push_back(view_of(plugin));
    }
    return PluginFiles{manager::known_plugins(loaded->host->catalog()), api::to_json(views),
                       [loaded](const std::string& checker, const std::string& options_json) {
                           return loaded->host->try_checker(checker, options_json);
                       }};
}

}  // namespace syspulse::cli
