#include "keeper/handover.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "keeper/board.hpp"

namespace syspulse::keeper {

bool read_handover(const char* variable, Handover& handover) {
    const char* const text = std::getenv(variable);
    if (text == nullptr) return false;
    char rest = 0;
    return std::sscanf(text, "%d,%d,%d,%d,%d%c", &handover.pid, &handover.lock, &handover.endpoint,
                       &handover.board, &handover.program, &rest) == 5;
}

void write_handover(const char* variable, const Handover& handover) {
    char text[80];
    std::snprintf(text, sizeof text, "%d,%d,%d,%d,%d", handover.pid, handover.lock,
                  handover.endpoint, handover.board, handover.program);
    ::setenv(variable, text, 1);
}

void keep_over_exec(int descriptor, bool keep) {
    ::fcntl(descriptor, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

void write_pid(int lock) {
    char text[16];
    const int size = std::snprintf(text, sizeof text, "%d\n", ::getpid());
    static_cast<void>(!::ftruncate(lock, 0));
    static_cast<void>(!::pwrite(lock, text, static_cast<std::size_t>(size), 0));
}

Board* map_board(int descriptor) {
    void* const mapped =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    return mapped == MAP_FAILED ? nullptr : static_cast<Board*>(mapped);
}

void leave_watchdog_to_manager(int pid) {
    const char* const named = std::getenv("WATCHDOG_PID");
    if (named != nullptr && std::atoi(named) == pid) ::unsetenv("WATCHDOG_PID");
}

}  // namespace syspulse::keeper
