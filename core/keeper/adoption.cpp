#include "keeper/adoption.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace syspulse::keeper {
namespace {

constexpr char variable_name[] = "SYSPULSE_RUN_ID=";
constexpr std::size_t variable_size = sizeof variable_name - 1;
// Of an environment. Static, so that the stack of the keeper stays small; used for moments only.
constexpr std::size_t environment_max = 256 * 1024;
char environment[environment_max];

std::size_t read_environment(pid_t pid) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/environ", pid);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    std::size_t size = 0;
    for (ssize_t n = 0; size < environment_max; size += static_cast<std::size_t>(n)) {
        n = ::read(file, environment + size, environment_max - size);
        if (n <= 0) break;
    }
    ::close(file);
    return size;
}

bool is_noted(const Board& board, std::uint64_t run) {
    for (const RunNote& note : board.runs) {
        if (note.run == run) return true;
    }
    return false;
}

void note_child(Board& board, pid_t pid) {
    RunNote& note = board.runs[static_cast<std::size_t>(pid) % kept_runs];
    if (note.pid == pid || ::getsid(pid) != pid) return;
    const std::uint64_t run = run_of(environment, read_environment(pid));
    if (run == 0 || is_noted(board, run)) return;
    note = {run, board.exit_count.load(), pid, 0};
}

}  // namespace

std::uint64_t run_of(const char* words, std::size_t size) {
    const char* const end = words + size;
    while (words < end) {
        const std::size_t length = ::strnlen(words, static_cast<std::size_t>(end - words));
        if (length > variable_size && std::memcmp(words, variable_name, variable_size) == 0) {
            const char* digits = words + length;
            while (digits > words && digits[-1] >= '0' && digits[-1] <= '9') --digits;
            return words + length == end ? 0 : std::strtoull(digits, nullptr, 10);
        }
        words += length + 1;
    }
    return 0;
}

void note_children(Board& board, pid_t manager) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", ::getpid());
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    char text[4096];
    pid_t pid = 0;
    for (ssize_t n = 0; (n = ::read(file, text, sizeof text)) > 0;) {
        for (ssize_t i = 0; i < n; ++i) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            if (pid != 0 && pid != manager) note_child(board, pid);
            pid = 0;
        }
    }
    ::close(file);
}

}  // namespace syspulse::keeper
