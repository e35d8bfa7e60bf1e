// A driver's measurements in our own words.
#pragma once

#include <syspulse/plugin.h>

#include "model/process_stats.hpp"

namespace syspulse::plugin_host {

// Takes only what `valid` vouches for.
model::ProcessStats stats_of(const sysp_stats& raw);

}  // namespace syspulse::plugin_host
