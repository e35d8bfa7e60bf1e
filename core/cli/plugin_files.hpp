// Plugins as their files describe them, for commands that work without a manager.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/context.hpp"

namespace syspulse::cli {

// Those in `plugin_dirs` and in the usual places.
Result<PluginFiles> load_plugin_files(const std::vector<std::string>& plugin_dirs);

}  // namespace syspulse::cli
