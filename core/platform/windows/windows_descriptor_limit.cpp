#include "platform/descriptor_limit.hpp"

namespace syspulse::platform {

// A process may have millions of handles, and there is nothing to raise.
void raise_descriptor_limit() {}

}  // namespace syspulse::platform
