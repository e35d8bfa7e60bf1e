// How descriptors travel from the starting process to the keeper and on to each manager: as numbers
// in one environment variable, "pid,lock,endpoint,board,program". The pid is that of the keeper, so
// that the variable means nothing to a process that inherited it by accident.
#pragma once

namespace syspulse::keeper {

struct Board;

constexpr const char* keeper_variable = "SYSPULSE_KEEPER_START";
constexpr const char* manager_variable = "SYSPULSE_KEPT_BY";

struct Handover {
    int pid = -1;
    int lock = -1;
    int endpoint = -1;
    int board = -1;
    int program = -1;  // What the keeper starts managers from; -1: from its own file.
};

// False if the variable is absent or malformed.
bool read_handover(const char* variable, Handover& handover);
// Sets the variable of this process.
void write_handover(const char* variable, const Handover& handover);

// Lets a descriptor survive exec, or not.
void keep_over_exec(int descriptor, bool keep);

// The pid file, which is the lock, names who serves, before it does.
void write_pid(int lock);

// The page behind the descriptor, for the life of this process or until munmap(); null if it cannot
// be mapped.
Board* map_board(int descriptor);

// systemd expects signs of life from the process that it started, whose number this is; the manager
// gives them instead.
void leave_watchdog_to_manager(int pid);

}  // namespace syspulse::keeper
