// The program of a plugin host process.
#pragma once

#include <string>
#include <vector>

#include "plugin_host/plugin_host.hpp"

namespace syspulse::plugin_host {

// Whether the process was started to be a plugin host; `arguments` includes the program's name.
bool is_plugin_host(const std::vector<std::string>& arguments);

// Loads the plugin that the arguments name and serves the manager. Returns the exit code.
int run_plugin_host(const std::vector<std::string>& arguments, OptionsCompletion complete_options);

}  // namespace syspulse::plugin_host
