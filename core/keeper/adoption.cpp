#include "keeper/adoption.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "keeper/handover.hpp"

namespace syspulse::keeper {
namespace {

constexpr char variable_name[] = "SYSPULSE_RUN_ID=";
constexpr std::size_t variable_size = sizeof variable_name - 1;
// Of an environment. Static, so that the stack of the keeper stays small; used for moments only.
constexpr std::size_t environment_max = 256 * 1024;
char environment[environment_max];

std::size_t read_file(pid_t pid, const char* name, char* text, std::size_t max) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    std::size_t size = 0;
    for (ssize_t n = 0; size < max; size += static_cast<std::size_t>(n)) {
        n = ::read(file, text + size, max - size);
        if (n <= 0) break;
    }
    ::close(file);
    return size;
}

// Whether the process lives and is inside exec, where the address at which its environment ends is
// still zero.
bool is_inside_exec(pid_t pid) {
    constexpr int state = 3;  // Fields as proc(5) counts them.
    constexpr int environment_end = 51;
    char text[1024];
    const std::size_t size = read_file(pid, "stat", text, sizeof text - 1);
    text[size] = '\0';
    const char* at = std::strrchr(text, ')');  // The name may hold spaces and brackets itself.
    for (int field = state; at != nullptr && field <= environment_end; ++field) {
        at = std::strchr(at + 1, ' ');
        if (at != nullptr && field == state && (at[1] == 'Z' || at[1] == 'X')) return false;
    }
    return at != nullptr && at[1] == '0';
}

bool begins_with(const char* word, const char* name) {
    const std::size_t length = std::strlen(name);
    return std::strncmp(word, name, length) == 0 && word[length] == '=';
}

// A child that was cloned and has not called exec shows the environment of its manager.
bool is_of_a_manager(std::size_t size) {
    const char* const end = environment + size;
    for (const char* word = environment; word < end;) {
        const std::size_t length = ::strnlen(word, static_cast<std::size_t>(end - word));
        if (word + length < end && begins_with(word, manager_variable)) return true;
        word += length + 1;
    }
    return false;
}

bool is_noted(const Board& board, std::uint64_t run) {
    for (const RunNote& note : board.runs) {
        if (note.run == run) return true;
    }
    return false;
}

// False while it cannot be told whose process this is.
bool note_child(Board& board, pid_t pid) {
    if (note_of(board, pid) != nullptr) return true;
    std::size_t size = read_file(pid, "environ", environment, environment_max);
    if (is_of_a_manager(size)) return false;
    if (::getsid(pid) != pid) return true;
    if (size == 0) {
        if (is_inside_exec(pid)) return false;
        // Exec may be over since. What has ended, or was given no environment, shows none still.
        size = read_file(pid, "environ", environment, environment_max);
        if (size == 0) return true;
    }
    const std::uint64_t run = run_of(environment, size);
    // A check's process, say, is noted as nobody's run, so that its end leaves no question.
    if (run == 0 || !is_noted(board, run))
        place_of(board, pid) = {run, board.exit_count.load(), pid, 0};
    return true;
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

bool note_children(Board& board, pid_t manager) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/children", ::getpid());
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;
    bool certain = true;
    char text[4096];
    pid_t pid = 0;
    for (ssize_t n = 0; (n = ::read(file, text, sizeof text)) > 0;) {
        for (ssize_t i = 0; i < n; ++i) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                continue;
            }
            if (pid != 0 && pid != manager) certain = note_child(board, pid) && certain;
            pid = 0;
        }
    }
    ::close(file);
    return certain;
}

void adopt_births(Board& board) {
    for (Birth& birth : board.births) {
        if (birth.run.load() != 0) birth.orphaned = 1;
    }
}

void note_births(Board& board) {
    for (const Birth& birth : board.births) {
        const std::uint64_t run = birth.run.load();
        if (run == 0 || birth.pid <= 0 || note_of(board, birth.pid) != nullptr) continue;
        place_of(board, birth.pid) = {run, birth.exits_before, birth.pid, 0};
    }
}

void forget_births(Board& board) {
    for (Birth& birth : board.births) {
        if (std::exchange(birth.orphaned, 0) != 0) birth.run.store(0);
    }
}

}  // namespace syspulse::keeper
