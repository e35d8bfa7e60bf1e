// What is wrong with plugins now.
#pragma once

#include <string>
#include <vector>

#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

// Of a plugin that runs in a process of its own because it crashed managers.
std::string banishment(const plugin_host::PluginInfo& plugin);

// One sentence for each, with what to do.
std::vector<std::string> plugin_warnings(const plugin_host::PluginHost& plugins);

}  // namespace syspulse::manager
