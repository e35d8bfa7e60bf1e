#include "keeper/handover.hpp"

#include <fcntl.h>

#include <cstdio>
#include <cstdlib>

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

}  // namespace syspulse::keeper
