#include "keeper/fault.hpp"

namespace syspulse::keeper {

bool ended_inside_a_plugin(const Board& board, const siginfo_t& end) {
    return end.si_code == CLD_EXITED && board.plugin_calls.calls[0].load() != 0;
}

bool note_fault(Board& board, const siginfo_t& end) {
    const bool exited = end.si_code == CLD_EXITED;
    bool is_fault = ended_inside_a_plugin(board, end);
    for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
        is_fault = is_fault || (!exited && end.si_status == signal);
    if (!is_fault) return false;
    board.crash_value = end.si_status;
    board.crash_signalled = exited ? 0 : 1;
    ++board.crashes;
    return true;
}

}  // namespace syspulse::keeper
