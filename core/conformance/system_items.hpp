// The parts of items that are about what one system has and another has not.
#pragma once

#include "conformance/driver_bench.hpp"

namespace syspulse::conformance {

Verdict exact_environment(DriverBench& bench);  // D04
Verdict clean_signals(DriverBench& bench);      // D05
Verdict os_signals(DriverBench& bench);         // D17

}  // namespace syspulse::conformance
