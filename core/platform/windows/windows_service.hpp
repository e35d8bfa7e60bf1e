// What the service control manager is told, and what it tells; see system_service.hpp.
#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "platform/signal_watch.hpp"

namespace syspulse::platform {

// Where this process runs as a service, otherwise without effect. [any thread]
void service_is_running();  // Not while it is stopping: a fresh manager then only goes on with it.
void service_is_stopping();

// Calls whoever watches signals as if this one had come. False when nobody does. [any thread]
bool deliver_signal(int number);

// For a process without a loop: `received` is called on any thread, for as long as the watch lives.
Result<std::unique_ptr<LoopWatch>> receive_signals(std::function<void(int)> received);

}  // namespace syspulse::platform
