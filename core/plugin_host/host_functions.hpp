// The functions of sysp_host and of its extension syspulse.io/1, as plugins call them.
#pragma once

#include <syspulse/plugin.h>

namespace syspulse::plugin_host {

// Everything but `impl`, which must point to the Instance that owns `host`.
void provide_host_functions(sysp_host& host);

// The table behind SYSP_EXT_IO.
const sysp_io* io_extension();

}  // namespace syspulse::plugin_host
