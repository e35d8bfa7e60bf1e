// What the service control manager is told, and what it tells; see system_service.hpp.
#pragma once

namespace syspulse::platform {

// Where this process runs as a service, otherwise without effect. [any thread]
void service_is_running();
void service_is_stopping();

// Calls whoever watches signals as if this one had come. False when nobody does. [any thread]
bool deliver_signal(int number);

}  // namespace syspulse::platform
