// What a manager makes of crashes of those before it.
#pragma once

#include "keeper/link.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

// Says in the log what the last one died of. Called once, before any plugin is.
void tell_crash(keeper::Link& link);

// A foreign plugin that goes on crashing managers gets a process of its own, whatever its settings
// say. The link is borrowed.
void banish_crashing(plugin_host::IsolationOptions& isolation, const keeper::Link& link);
void warn_of_banished(const plugin_host::PluginHost& plugins);

}  // namespace syspulse::manager
