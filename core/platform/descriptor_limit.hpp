// How many descriptors this process may have open.
#pragma once

namespace syspulse::platform {

// Raises the soft limit to the hard one, for good. Plugins that start processes remember the limit
// as it was when they were loaded and give that to their children, so call this after loading them:
// programs that use select() rely on the old, low limit. Does nothing where there is no such limit.
void raise_descriptor_limit();

}  // namespace syspulse::platform
