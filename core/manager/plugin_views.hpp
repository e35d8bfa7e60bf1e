// Plugins and their processes as the control API shows them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/control_service.hpp"
#include "model/daemon_view.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

// As the files say; without a manager, no plugin has a process.
api::PluginView plugin_view(const plugin_host::PluginInfo& plugin);

std::vector<api::PluginView> plugin_views(const plugin_host::PluginHost& plugins);

// The process of a driver that runs in one; nothing for any other.
std::optional<model::PluginHostView> driver_host(const plugin_host::PluginHost& plugins,
                                                 std::string_view driver);

// The processes of drivers that are being started again or left alone, by the driver's name.
std::map<std::string, model::PluginHostView> hosts_in_trouble(
    const plugin_host::PluginHost& plugins);

// The id of the plugin that `name` means: its own, or that of a driver or checker in it. Names that
// mean nothing are given back.
std::string plugin_id(const plugin_host::PluginCatalog& catalog, const std::string& name);

}  // namespace syspulse::manager
