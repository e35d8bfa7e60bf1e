// A plugin's descriptor as JSON, as a throw-away process reports it of a file that is not loaded
// into the manager.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

std::string descriptor_text(const PluginInfo& plugin);

// Takes nothing on trust: names, lengths and schemas are checked as if they came from the file.
Result<PluginInfo> parse_descriptor(std::string_view text, const SchemaCheck& schema_check);

}  // namespace syspulse::plugin_host
