// Which runs the children are that a dead manager had started and not noted yet.
#pragma once

#include <sys/types.h>

#include "keeper/board.hpp"

namespace syspulse::keeper {

// Notes each child of this process that leads a session and carries a run id of which nothing is
// noted. Costs a look at every child, and at the environment only of those without a note. False
// while some child is on its way to become what it will be: look again a little later.
bool note_children(Board& board, pid_t manager);

// The manager is dead: what it was just making is left to the keeper.
void adopt_births(Board& board);
// Notes the processes that managers were just making. Cheap enough for each end.
void note_births(Board& board);
// What dead managers had begun is settled; the places are free for the next one.
void forget_births(Board& board);

// The run number at the end of the value of SYSPULSE_RUN_ID in `environment`, which is `size` bytes
// of words that end with a zero byte; zero without one.
std::uint64_t run_of(const char* environment, std::size_t size);

}  // namespace syspulse::keeper
