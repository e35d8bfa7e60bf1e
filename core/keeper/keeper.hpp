// The keeper: a small process that is the manager's parent and outlives it. It holds the lock of
// the data directory and the listening socket, inherits the daemons of a manager that died,
// collects them with their exit statuses, and starts the next manager at once.
//
//   run_under_keeper()  [the process that the user started]  becomes the keeper by exec
//   keep()              [the keeper]                         starts managers, ends after them
//   Link                [the manager]                        see link.hpp
//
// It is a program of its own, main.cpp, so that it needs few libraries and little memory; keep() is
// also in the large program, for where the small one is missing.
//
// The keeper allocates nothing after its start, knows no plugin, no registry and no clock, and
// learns everything through signals: SIGCHLD, SIGUSR1 from a manager that is ready, SIGALRM from
// its own timer, and what it passes on.
#pragma once

#include <string>

#include "base/result.hpp"

namespace syspulse::keeper {

// Replaces this process by a keeper that runs the same program with the same command line as its
// manager. `lock` and `endpoint` are open descriptors that the keeper takes over; `socket` is the
// endpoint's file, which it removes when a manager could not. Returns only if it failed. Called
// before any thread exists.
Error run_under_keeper(int lock, int endpoint, const std::string& socket);

// Whether this process was started to be a keeper; main() asks before anything else.
bool is_keeper_process();

// For a program that an older keeper has replaced itself by: becomes the small keeper that is
// installed with it. Returns if there is none, and changes nothing then.
void become_own_keeper(char** argv);

// Runs the keeper to its end; returns the exit code of the last manager.
int keep(char** argv);

}  // namespace syspulse::keeper
