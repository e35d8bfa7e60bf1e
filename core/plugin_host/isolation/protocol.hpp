// What both ends of the isolation protocol agree on beyond frames and messages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugin_host/host_core.hpp"
#include "plugin_host/isolation/messages.hpp"

namespace syspulse::plugin_host {

// Both ends are one executable; the number only guards against a program that was told otherwise.
constexpr std::uint32_t isolation_protocol = 2;

// Which of the driver extensions that can be carried to another process the instance offers.
std::vector<std::string> extensions_of(const Instance& instance, const LoadedKind& kind);

// ExtensionCall::function of syspulse.freeze/1.
enum class FreezeFunction : std::uint32_t { freeze, thaw };

// The function of an extension that a call means; null when the instance has none.
using ExtensionSlot = sysp_status(SYSP_CALL*)(void* self, sysp_op op, sysp_proc proc);
ExtensionSlot extension_slot(const Instance& instance, const LoadedKind& kind,
                             const ExtensionCall& call);

}  // namespace syspulse::plugin_host
