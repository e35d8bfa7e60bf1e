// The commented spec that `syspulse init` writes.
#pragma once

#include <string_view>

namespace syspulse::config {

// Valid as it stands.
std::string_view spec_template() noexcept;

}  // namespace syspulse::config
