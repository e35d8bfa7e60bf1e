// The one place of core/platform/linux where errno becomes an Error.
#pragma once

#include <cerrno>
#include <string_view>

#include "base/error.hpp"

namespace syspulse::platform {

// "cannot VERB OBJECT: CAUSE" from `what` ("cannot VERB OBJECT") and an errno.
Error os_error(std::string_view what, int number = errno);

}  // namespace syspulse::platform
