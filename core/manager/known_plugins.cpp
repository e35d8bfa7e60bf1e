#include "manager/known_plugins.hpp"

#include <algorithm>

#include "platform/data_dir.hpp"
#include "platform/users.hpp"

namespace syspulse::manager {

config::KnownPlugins known_plugins(const plugin_host::PluginCatalog& catalog) {
    config::KnownPlugins known;
    for (const plugin_host::PluginInfo& plugin : catalog.plugins()) {
        for (const plugin_host::KindInfo& kind : plugin.kinds) {
            if (kind.type == plugin_host::KindType::checker) {
                known.checkers.push_back({kind.name, kind.config_schema});
                continue;
            }
            config::PluginKind driver{kind.name, kind.process_schema};
            driver.enforces_memory = (kind.enforces & plugin_host::limit_memory) != 0;
            driver.enforces_cpu = (kind.enforces & plugin_host::limit_cpu) != 0;
            driver.enforces_open_files = (kind.enforces & plugin_host::limit_open_files) != 0;
            driver.enforces_processes = (kind.enforces & plugin_host::limit_processes) != 0;
            known.drivers.push_back(std::move(driver));
        }
    }
    return known;
}

config::LoadOptions load_options(const config::KnownPlugins& known,
                                 plugin_host::PluginHost& plugins) {
    config::LoadOptions options;
    options.plugins = &known;
    options.user_exists = [](std::string_view user) {
        return platform::find_user(std::string(user)).has_value();
    };
    options.is_root = platform::is_root;
    options.try_checker = [&plugins](const std::string& checker, const std::string& options_json) {
        return plugins.try_checker(checker, options_json);
    };
    return options;
}

std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& given) {
    std::vector<std::filesystem::path> path;
    const std::string list = platform::process_environment()("SYSPULSE_PLUGIN_PATH").value_or("");
    std::size_t begin = 0;
    while (begin < list.size()) {
        const std::size_t end = std::min(list.find(':', begin), list.size());
        if (end > begin) path.emplace_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    path.insert(path.end(), given.begin(), given.end());
    const auto program = platform::program_path();
    if (!program.empty())
        path.push_back(program.parent_path().parent_path() / "lib/syspulse/plugins");
    return path;
}

}  // namespace syspulse::manager
