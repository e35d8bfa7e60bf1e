// The catalog of loaded plugins in the words of the spec loader.
#pragma once

#include "config/spec_loader.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::manager {

config::KnownPlugins known_plugins(const plugin_host::PluginCatalog& catalog);

// The search path of plugins: $SYSPULSE_PLUGIN_PATH, then the given directories, then the directory
// that belongs to the installation of the running program.
std::vector<std::filesystem::path> plugin_search_path(
    const std::vector<std::filesystem::path>& given);

}  // namespace syspulse::manager
