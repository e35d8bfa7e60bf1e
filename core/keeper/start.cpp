// The way from the process that the user started to the keeper.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "keeper/board.hpp"
#include "keeper/handover.hpp"
#include "keeper/keeper.hpp"

extern char** environ;

namespace syspulse::keeper {
namespace {

Error start_error(const std::string& what) {
    return {ErrorCode::internal, "cannot start the keeper: " + what + ": " +
                                     std::generic_category().message(errno) +
                                     "; run with --no-keeper to do without it"};
}

// The words of this process's command line, each ended by a zero byte.
std::string command_line() {
    std::string text;
    const int file = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    char chunk[4096];
    for (ssize_t n = 1; file >= 0 && n > 0;) {
        n = ::read(file, chunk, sizeof chunk);
        if (n > 0) text.append(chunk, static_cast<std::size_t>(n));
    }
    if (file >= 0) ::close(file);
    return text;
}

bool write_at(int file, const void* bytes, std::size_t size, std::size_t offset) {
    return ::pwrite(file, bytes, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

// A new page of zeros is an empty board.
int make_board(const std::string& socket) {
    const int board = ::memfd_create("syspulse-board", MFD_CLOEXEC);
    if (board < 0) return -1;
    if (::ftruncate(board, sizeof(Board)) == 0 &&
        write_at(board, &board_magic, sizeof board_magic, offsetof(Board, magic)) &&
        write_at(board, socket.c_str(), std::min<std::size_t>(socket.size(), program_bytes - 1),
                 offsetof(Board, socket))) {
        return board;
    }
    ::close(board);
    return -1;
}

// The keeper's program, which is installed beside this one: ../libexec/syspulse-keeper. Empty if
// the system does not tell where that is.
std::string keeper_program() {
    char path[PATH_MAX];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    if (size <= 0 || size == static_cast<ssize_t>(sizeof path)) return {};
    std::string program(path, static_cast<std::size_t>(size));
    for (int part = 0; part < 2; ++part) program.resize(program.find_last_of('/'));
    return program + "/libexec/syspulse-keeper";
}

// Returns only if it failed.
void become_small_keeper(Handover handover, char** argv) {
    const std::string keeper = keeper_program();
    if (keeper.empty() || ::access(keeper.c_str(), X_OK) != 0) return;
    handover.program = ::open("/proc/self/exe", O_PATH);
    if (handover.program < 0) return;
    write_handover(keeper_variable, handover);
    ::execve(keeper.c_str(), argv, environ);
    ::close(handover.program);
}

}  // namespace

Error run_under_keeper(int lock, int endpoint, const std::string& socket) {
    const int board = make_board(socket);
    if (board < 0) return start_error("it has no shared memory");
    std::string words = command_line();
    if (words.empty()) return start_error("/proc is not mounted");
    std::vector<char*> argv;
    for (std::size_t at = 0; at < words.size(); at = words.find('\0', at) + 1)
        argv.push_back(words.data() + at);
    argv.push_back(nullptr);
    Handover handover{::getpid(), lock, endpoint, board, -1};
    for (const int descriptor : {lock, endpoint, board}) keep_over_exec(descriptor, true);
    become_small_keeper(handover, argv.data());
    // A program that stands alone is its own keeper, and a larger one.
    write_handover(keeper_variable, handover);
    ::execve("/proc/self/exe", argv.data(), environ);
    ::unsetenv(keeper_variable);
    return start_error("it cannot be executed");
}

void become_own_keeper(char** argv) {
    Handover handover;
    if (!read_handover(keeper_variable, handover) || handover.program >= 0) return;
    become_small_keeper(handover, argv);
    write_handover(keeper_variable, handover);
}

}  // namespace syspulse::keeper
