// The numbered steps that bring a registry file to the present layout, embedded from
// migrations/*.sql.
#pragma once

#include <span>

namespace syspulse::registry {

// The step at index i takes a file from user_version i to i + 1.
std::span<const char* const> migrations() noexcept;

}  // namespace syspulse::registry
