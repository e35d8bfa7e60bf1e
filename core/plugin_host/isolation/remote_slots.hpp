// The function tables of isolated plugins: every slot packs its arguments into a message.
#pragma once

#include "plugin_host/loaded_kind.hpp"

namespace syspulse::plugin_host {

// Fills in the table of the kind's type.
void provide_remote_slots(LoadedKind& kind);

}  // namespace syspulse::plugin_host
