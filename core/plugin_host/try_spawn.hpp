// syspulse.try/1: whether a driver can do what a spec asks of it.
#pragma once

#include "plugin_host/host_core.hpp"
#include "plugin_host/isolation/messages.hpp"
#include "plugin_host/loaded_kind.hpp"

namespace syspulse::plugin_host {

// What the instance offers of the extension; null if nothing.
const sysp_try* try_of(const LoadedKind& kind, const Instance& instance);

// A driver that offers nothing takes everything. [loop thread]
Result<void> ask_whether(HostCore& core, Instance& instance, const LoadedKind& kind,
                         const PluginConfig& options, const platform::ProcessLimits& limits);

// The limits that a call carries, and a call that carries them.
platform::ProcessLimits limits_in(const SpawnCall& call);
void put_limits(const platform::ProcessLimits& limits, SpawnCall& call);
// The whole of it, with the handles that came along as its standard streams; they are borrowed.
platform::SpawnRequest request_of(const SpawnCall& call,
                                  const std::vector<platform::OwnedHandle>& handles);

}  // namespace syspulse::plugin_host
