// The keeper: a small process that is the manager's parent and outlives it. It holds the lock of
// the data directory and the listening socket, inherits the daemons of a manager that died,
// collects them with their exit statuses, and starts the next manager at once.
//
//   run_under_keeper()  [the process that the user started]  becomes the keeper by exec
//   keep()              [the keeper]                         starts managers, never ends before
//   them Link                [the manager]                        see link.hpp
//
// The keeper allocates nothing after its start, knows no plugin, no registry and no clock, and
// learns everything through signals: SIGCHLD, SIGUSR1 from a manager that is ready, SIGALRM from
// its own timer, and what it passes on.
#pragma once

#include <string>

#include "base/result.hpp"

namespace syspulse::keeper {

// Replaces this process by a keeper of the same program that runs the same command line as its
// manager. `lock` and `endpoint` are open descriptors that the keeper takes over; `socket` is the
// endpoint's file, which it removes when a manager could not. Returns only if it failed. Called
// before any thread exists.
Error run_under_keeper(int lock, int endpoint, const std::string& socket);

// Whether this process was started to be a keeper; main() asks before anything else.
bool is_keeper_process();

// Runs the keeper to its end; returns the exit code of the last manager.
int keep(char** argv);

}  // namespace syspulse::keeper
