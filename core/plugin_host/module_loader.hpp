// Brings a plugin file into the process. The only place that knows Boost.DLL.
#pragma once

#include <syspulse/plugin.h>

#include <filesystem>

#include "base/result.hpp"

namespace syspulse::plugin_host {

// Loads a plugin that is trusted to run inside the manager and calls its entry function. It is
// never unloaded, also when its descriptor is refused later. `file` must be absolute and without
// links. `detached`: whoever overwrites the file later reaches nothing of what runs here.
Result<const sysp_module*> load_module(const std::filesystem::path& file, bool detached = false);

}  // namespace syspulse::plugin_host
