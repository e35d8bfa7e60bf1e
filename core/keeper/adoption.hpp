// Which runs the children are that a dead manager had started and not noted yet.
#pragma once

#include <sys/types.h>

#include "keeper/board.hpp"

namespace syspulse::keeper {

// Notes each child of this process that leads a session and carries a run id of which nothing is
// noted. Costs a look at every child, and at the environment only of those without a note. Waits up
// to a quarter of a second while some child is on its way to become what it will be.
void note_children(Board& board, pid_t manager);

// The run number at the end of the value of SYSPULSE_RUN_ID in `environment`, which is `size` bytes
// of words that end with a zero byte; zero without one.
std::uint64_t run_of(const char* environment, std::size_t size);

}  // namespace syspulse::keeper
