// The loaded plugins in the words of the spec loader.
#pragma once

#include "config/spec_loader.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

config::KnownPlugins known_plugins(const plugin_host::PluginCatalog& catalog);

// Checks specs against what is there: the plugins, which try the options themselves, and the
// accounts of this machine. Both must outlive the options.
config::LoadOptions load_options(const config::KnownPlugins& known,
                                 plugin_host::PluginHost& plugins);

// The search path of plugins: $SYSPULSE_PLUGIN_PATH, then the given directories, then the directory
// that belongs to the installation of the running program.
std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& given);

}  // namespace syspulse::manager
