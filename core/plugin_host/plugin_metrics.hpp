// What a check measured, as far as it can be shown.
#pragma once

#include <syspulse/plugin.h>

#include <vector>

#include "model/metric.hpp"

namespace syspulse::plugin_host {

// Those with a name as the ABI wants it, which no other has, and a finite value; the first 32.
std::vector<model::Metric> sound_metrics(std::vector<model::Metric> metrics);

// A plugin's own, sound or not; no more than are worth looking at.
std::vector<model::Metric> metrics_of(const sysp_check_result& raw);

}  // namespace syspulse::plugin_host
