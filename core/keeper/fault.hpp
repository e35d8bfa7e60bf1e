// Whether a manager ended by a fault in it, as opposed to somebody's wish, or to an error that it
// has told.
#pragma once

#include <signal.h>

#include "keeper/board.hpp"

namespace syspulse::keeper {

// A plugin has ended the process, which is not the manager's way to end, whatever its code.
bool ended_inside_a_plugin(const Board& board, const siginfo_t& end);

// Notes it for the next manager, and says whether it was one.
bool note_fault(Board& board, const siginfo_t& end);

}  // namespace syspulse::keeper
