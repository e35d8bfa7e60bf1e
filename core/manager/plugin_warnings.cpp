#include "manager/plugin_warnings.hpp"

#include <algorithm>

namespace syspulse::manager {
namespace {

using HostState = plugin_host::HostStatus::State;

// Where it is the file that does not work, waiting helps nobody.
std::string advice(const plugin_host::PluginInfo& plugin, const plugin_host::HostStatus& host) {
    const bool by_file = host.last_error.find(plugin.path.string()) != std::string::npos;
    return by_file
               ? "; rename a file that works over it, which is tried at once by: syspulse plugin "
                 "reload " +
                     plugin.id
               : "";
}

std::string trouble(const plugin_host::PluginInfo& plugin, const plugin_host::HostStatus& host) {
    const std::string which = "the process of plugin " + plugin.id + " (" + plugin.path.string();
    switch (host.state) {
        case HostState::idle:
        case HostState::running:
            return "";
        case HostState::waiting:
            return which + ") is being started again: " + host.last_error + advice(plugin, host);
        case HostState::failed:
            return which + ") was lost too often and is not started again: " + host.last_error +
                   "; run syspulse plugin reload " + plugin.id;
    }
    return "";
}

void warn_of_process(const plugin_host::PluginInfo& plugin, const plugin_host::HostStatus& host,
                     std::vector<std::string>& all) {
    if (std::string text = trouble(plugin, host); !text.empty()) all.push_back(std::move(text));
    for (const auto& [daemon, error] : host.culprits) {
        all.push_back("the check of \"" + daemon + "\" ends the process of plugin " + plugin.id +
                      ": " + error);
    }
}

}  // namespace

std::string banishment(const plugin_host::PluginInfo& plugin) {
    return "plugin " + plugin.id + " (" + plugin.path.string() +
           ") was being called at each of the last crashes of the manager and runs in a process of "
           "its own now; say "
           "\"isolation: process\" in its settings, or rename a file that works over it and run "
           "syspulse upgrade";
}

std::vector<std::string> plugin_warnings(const plugin_host::PluginHost& plugins) {
    std::vector<std::string> all;
    const std::vector<std::string> changed = plugins.changed_files();
    for (const plugin_host::PluginInfo& plugin : plugins.catalog().plugins()) {
        if (!plugin.loaded()) {
            all.push_back("plugin " + plugin.path.string() + " is not loaded: " + plugin.error);
            continue;
        }
        if (plugin.banished) all.push_back(banishment(plugin));
        if (const auto host = plugins.host(plugin.id)) warn_of_process(plugin, *host, all);
        if (std::find(changed.begin(), changed.end(), plugin.id) == changed.end()) continue;
        all.push_back("the file of plugin " + plugin.id +
                      " has changed since it was loaded; run syspulse plugin reload " + plugin.id +
                      ", or syspulse upgrade for one that runs in the manager");
    }
    return all;
}

}  // namespace syspulse::manager
