// systemd's words for what the service control manager is told.
#include "platform/service_notify.hpp"
#include "platform/windows/windows_service.hpp"

namespace syspulse::platform {

Result<void> notify_service_manager(std::string_view state) {
    if (state == "READY=1") service_is_running();
    if (state == "STOPPING=1") service_is_stopping();
    return {};
}

std::optional<Duration> watchdog_interval() {
    return std::nullopt;
}

}  // namespace syspulse::platform
