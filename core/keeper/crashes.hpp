// What managers died of, as far as the page tells it: a manager that follows on a crash learns
// which plugin was being called, and which one is not to be called in a manager any more.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keeper/board.hpp"

namespace syspulse::keeper {

struct LastCrash {
    std::string how;                 // "was ended by signal 11"
    std::vector<std::string> calls;  // "start of plugin org.example.x"
};

// Called once by each manager, before it calls a plugin: what was being called is forgotten. Empty
// if the last manager did not crash.
std::optional<LastCrash> judge_crash(Board& board);

// Whether each of the last crashes, crashes_max or more in a row, happened while this plugin was
// being called. So it stays until a manager is replaced in good order.
bool has_crashed_too_often(const Board& board, std::string_view plugin);

}  // namespace syspulse::keeper
