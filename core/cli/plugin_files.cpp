#include "cli/plugin_files.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "api/control_service.hpp"
#include "api/json_codec.hpp"
#include "cli/paths.hpp"
#include "config/json_schema.hpp"
#include "manager/known_plugins.hpp"
#include "manager/plugin_views.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::cli {
namespace {

// Plugins that run in this process, for as long as somebody asks them.
struct Loaded {
    std::unique_ptr<platform::Clock> clock = platform::make_system_clock();
    std::unique_ptr<platform::EventLoop> loop;
    std::unique_ptr<plugin_host::PluginHost> host;
    // What checkers said: many daemons may give theirs the same options.
    std::map<std::pair<std::string, std::string>, Result<void>> tried;

    Result<void> try_checker(const std::string& checker, const std::string& options_json) {
        const std::pair key(checker, options_json);
        const auto known = tried.find(key);
        if (known != tried.end()) return known->second;
        return tried.emplace(key, host->try_checker(checker, options_json)).first->second;
    }

    std::map<std::string, Result<void>> asked;

    Result<void> try_driver(const model::PluginChoice& driver, const model::ResourceLimits& given) {
        const auto limits = manager::process_limits(given);
        const std::string key = manager::question_of(driver, limits);
        const auto known = asked.find(key);
        if (known != asked.end()) return known->second;
        return asked.emplace(key, host->try_driver(driver.type, driver.options_json, limits))
            .first->second;
    }
};

}  // namespace

Result<PluginFiles> load_plugin_files(const std::vector<std::string>& plugin_dirs) {
    for (const std::string& directory : plugin_dirs) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(directory, ignored)) {
            return Error{ErrorCode::not_found,
                         "cannot look for plugins in " + directory + ": no such directory"};
        }
    }
    const auto loaded = std::make_shared<Loaded>();
    auto loop = platform::make_event_loop(*loaded->clock);
    if (!loop) {
        return loop.error();
    }
    loaded->loop = std::move(*loop);
    plugin_host::HostOptions options;
    options.search_paths = manager::plugin_search_path(paths_of(plugin_dirs));
    options.schema_check = config::check_schema;
    options.complete_options = config::options_completer();
    options.isolation = manager::isolation_options({});
    auto host = plugin_host::PluginHost::create(*loaded->loop, *loaded->clock, std::move(options));
    if (!host) {
        return host.error();
    }
    loaded->host = std::move(*host);
    std::vector<api::PluginView> views;
    std::vector<std::string> problems;
    for (const plugin_host::PluginInfo& plugin : loaded->host->catalog().plugins()) {
        views.push_back(manager::plugin_view(plugin));
        if (!plugin.loaded()) problems.push_back(plugin.error);
    }
    return PluginFiles{
        manager::known_plugins(loaded->host->catalog()), api::to_json(views),
        [loaded](const std::string& checker, const std::string& options_json) {
            return loaded->try_checker(checker, options_json);
        },
        [loaded](const model::PluginChoice& driver, const model::ResourceLimits& limits) {
            return loaded->try_driver(driver, limits);
        },
        std::move(problems)};
}

}  // namespace syspulse::cli
