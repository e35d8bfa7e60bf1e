// The notify protocol is systemd's.
#include "platform/service_notify.hpp"

namespace syspulse::platform {

Result<void> notify_service_manager(std::string_view) {
    return {};
}

std::optional<Duration> watchdog_interval() {
    return std::nullopt;
}

}  // namespace syspulse::platform
