// Objects that plugin code may reach as long as the process lives.
#pragma once

#include <memory>

namespace syspulse::plugin_host {

// Keeps a share of `object` until the process ends. Code of a plugin may run in a forgotten thread
// or in an exit handler, so neither a plugin's code nor the memory behind a sysp_host is ever given
// back. The list is a reachable object that is leaked on purpose: it holds a few entries for each
// plugin loaded. [any thread]
void keep_for_ever(std::shared_ptr<void> object);

}  // namespace syspulse::plugin_host
