// Tells the service manager above us (systemd's notify protocol) how we are. Without one, nothing
// happens.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace syspulse::platform {

// `state` is what sd_notify(3) takes: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...".
Result<void> notify_service_manager(std::string_view state);

// How often it wants "WATCHDOG=1" at least; nothing if it does not watch us. Send twice as often.
std::optional<Duration> watchdog_interval();

}  // namespace syspulse::platform
