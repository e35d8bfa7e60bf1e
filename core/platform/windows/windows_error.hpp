// The one place of core/platform/windows where GetLastError() becomes an Error.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {

// "cannot VERB OBJECT: CAUSE (Windows error N)" from `what` ("cannot VERB OBJECT") and a code. Pass
// the code when anything was called since: arguments are evaluated in any order.
Error os_error(std::string_view what, DWORD number = ::GetLastError());

// Without the number and what it belongs to.
std::string os_message(DWORD number);

}  // namespace syspulse::platform
