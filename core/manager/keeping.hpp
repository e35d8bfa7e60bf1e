// How this process comes to run under a keeper, which differs between systems.
#pragma once

#include "manager/entry.hpp"

namespace syspulse::manager {

// Runs the manager under a keeper, which this process becomes. Where that is by exec, it returns
// only if it failed; elsewhere when the last manager has ended.
Outcome keep(const DaemonOptions& options);

// What a manager without a keeper is worse off by, to be told at its start; null where that is only
// that nobody restarts it.
const char* cost_of_no_keeper();

}  // namespace syspulse::manager
