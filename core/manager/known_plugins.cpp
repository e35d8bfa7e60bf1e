#include "manager/known_plugins.hpp"

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

}  // namespace syspulse::manager
