// What keeper and managers share on Windows: the board, and which handles of daemons the keeper
// holds. Managers copy them into the keeper and out of it, which they may, as they have a handle of
// it; the keeper does nothing for that but live.
#pragma once

#include <windows.h>

#include <array>
#include <cstdint>

#include "keeper/board.hpp"

namespace syspulse::keeper {

// As of a board, which is the first part of a WindowsBoard: what is appended to it moves the rest.
constexpr std::uint32_t windows_board_magic = 0x53505734;  // "SPW4"

// Two handles of the keeper's, zero for none, by a name that says what they are. [manager]
struct HeldPair {
    std::atomic<std::uint64_t>
        name;  // Zero: free. Set when the rest is there, cleared before it goes.
    std::int64_t first;
    std::int64_t second;
};

// Zeros are an empty one.
struct WindowsBoard {
    Board board;
    // The manager that ended, or ends right now, did so by itself and in good order; a code alone
    // does not tell, as whoever ends a process chooses one. [manager; the keeper clears it]
    std::atomic<std::uint32_t> left;
    // By the number of a run, its process and its job. A process exists, or its end does, as long
    // as somebody has a handle of it: then its exit code is there, and its number nobody else's. A
    // job has its name as long, and what is in it stays together.
    HeldPair runs[16'384];
    // By a name of the manager's choice, the ends of a pipe that is read from and written to.
    HeldPair pipes[32'768];
};

inline HANDLE handle_of(std::int64_t value) noexcept {
    return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(value));
}
inline std::int64_t value_of(HANDLE handle) noexcept {
    return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(handle));
}

// What the keeper gives to each manager: handles, which have the same values in both.
struct Handover {
    std::int64_t pid = 0;  // Of the keeper.
    std::int64_t keeper = 0;
    std::int64_t lock = 0;
    std::int64_t board = 0;
    std::int64_t news = 0;       // An event by which the manager has the keeper look at the board.
    std::int64_t terminate = 0;  // Semaphores: how often the signal is to arrive.
    std::int64_t interrupt = 0;
};

// As numbers in a variable of the environment; they mean nothing to a process that has inherited it
// by accident, which is told by the handle of the keeper.
bool read_handover(Handover& handover);
void write_handover(const Handover& handover);
void drop_handover();

}  // namespace syspulse::keeper
