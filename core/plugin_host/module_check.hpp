// Turns what a plugin exports into descriptors of our own, or says precisely what is wrong with it.
// Reads foreign memory with bounds on every length; cannot protect against pointers into nowhere.
#pragma once

#include <syspulse/plugin.h>

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "plugin_host/loaded_kind.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

struct CheckedModule {
    PluginInfo info;
    std::vector<std::unique_ptr<LoadedKind>> kinds;
};

// The error names field, expected and got; the caller adds the path.
Result<CheckedModule> check_module(const sysp_module* module, const SchemaCheck& schema_check);

// The same rules for a descriptor that came as text from another process.
Result<void> check_info(const PluginInfo& info, const SchemaCheck& schema_check);

}  // namespace syspulse::plugin_host
