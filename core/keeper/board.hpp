// The page that keeper and manager share: what the keeper saw of processes that ended below it, and
// what the manager wants. It lives in memory that both map and outlives every manager; nothing in
// it points anywhere. Each field has one writer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/plugin_calls.hpp"

namespace syspulse::keeper {

constexpr std::uint32_t board_magic = 0x53504b33;  // "SPK3"; another layout gets another number.
constexpr std::uint32_t kept_exits = 4096;
constexpr std::uint32_t kept_runs = 16384;
constexpr std::uint32_t note_places = 8;
constexpr std::uint32_t kept_births = 64;
constexpr std::uint32_t program_bytes = 4096;

// How a process that had been handed to the keeper ended. [keeper]
struct ExitRecord {
    std::int32_t pid;
    std::int32_t value;      // Exit code or signal number.
    std::int32_t signalled;  // 1: `value` is a signal.
    std::int32_t reserved;
};

// Which run a process number stands for, and how many ends had been recorded before it: an older
// record of the same number is about somebody else. [manager; the keeper while there is none]
struct RunNote {
    std::uint64_t run;  // Zero: it is known to be of no run.
    std::uint64_t exits_before;
    std::int32_t pid;
    std::int32_t reserved;
};

// A run whose process is just being made. Its number is there before the process can end, so that
// an end is known although the manager died before it learned the number.
struct Birth {
    std::atomic<std::uint64_t> run;  // Zero: free. [manager; the keeper when it is orphaned]
    std::uint64_t exits_before;      // As in RunNote. [manager]
    std::int32_t pid;                // Zero: not made yet, or given up. [the process itself]
    std::int32_t orphaned;           // 1: its manager is dead. [keeper]
};

enum class Wish : std::uint32_t {
    none,
    stop,       // All daemons are to stop; a manager that replaces this one goes on with that.
    hand_over,  // Start `program` (empty: the same one) as the next manager, daemons untouched.
};

// Which plugins the last crashes have in common, a bit for each: number n is 1 << (n - 1).
struct Suspicion {
    std::uint32_t restarts;  // Of Board, when a manager looked last.
    std::uint32_t judged;    // Crashes that managers have looked at.
    std::uint32_t plugins;   // They were being called at each crash since the one of this number:
    std::uint32_t since;
    std::uint32_t proven;  // They are not called in a manager any more.
    std::uint32_t reserved;
};

constexpr std::uint32_t upgrade_limit_ms_default = 60'000;

// Why a new program was given up.
enum class UpgradeFailure : std::uint32_t {
    none,
    ended,    // Or could not be started.
    overdue,  // It neither served in time nor ended, so the keeper ended it.
};
constexpr const char* to_string(UpgradeFailure failure) {
    switch (failure) {
        case UpgradeFailure::none:
            return "";
        case UpgradeFailure::ended:
            return "ended";
        case UpgradeFailure::overdue:
            return "timeout";
    }
    return "";
}

struct Board {
    std::uint32_t magic;
    std::atomic<std::uint32_t> ready_pid;  // The manager that serves. [manager]
    std::atomic<std::uint32_t> served;     // Managers that have served so far. [manager]
    std::atomic<Wish> wish;                // [manager; the keeper clears it]
    std::atomic<std::uint32_t>
        failed_upgrades;                  // Managers that a hand-over started in vain. [keeper]
    std::atomic<std::uint32_t> restarts;  // Managers that ended unasked. [keeper]
    std::int32_t manager_pid;     // What a keeper that replaces itself needs to go on. [keeper]
    std::int32_t stops;           // Likewise: signals to stop so far. [keeper]
    char program[program_bytes];  // [manager, before it sets `wish`]
    char socket[program_bytes];   // The endpoint's file. [the starting process]
    std::atomic<std::uint64_t> exit_count;  // Of all records ever written. [keeper]
    ExitRecord exits[kept_exits];           // A ring: number n is at n % kept_exits. [keeper]
    RunNote runs[kept_runs];                // See note_of(). [manager]
    Birth births[kept_births];
    // Runs are numbered in the order in which they are recorded.
    std::atomic<std::uint64_t> runs_before;  // The last one of before this keeper. [manager]
    std::atomic<std::uint64_t> runs_begun;   // The last one that was to get a process. [manager]
    // Each run up to this one may be that of a process which led a session and ended without a
    // note. [keeper]
    std::atomic<std::uint64_t> strays_until;
    // The manager asks for all ends that have happened by now to be recorded, and is answered with
    // the number of its question.
    std::atomic<std::uint32_t> asked;     // [manager]
    std::atomic<std::uint32_t> answered;  // [keeper]
    // Managers that ended by a fault in them, how the last one did, and how many of them are so
    // long ago that they say nothing about the next. [keeper]
    std::atomic<std::uint32_t> crashes;
    std::atomic<std::uint32_t> crashes_forgotten;
    std::int32_t crash_value;      // Exit code or signal number.
    std::int32_t crash_signalled;  // 1: `crash_value` is a signal.
    PluginCalls plugin_calls;      // [manager]
    Suspicion suspicion;           // [manager]
    // How long a new program may take until it serves; zero: as long as usual, of a manager that
    // does not know this. [manager, before it sets `wish`]
    std::atomic<std::uint32_t> upgrade_limit_ms;
    // Of the last one of `failed_upgrades`. [keeper, before it counts that]
    std::atomic<UpgradeFailure> upgrade_failure;

    std::uint32_t upgrade_limit() const {
        const std::uint32_t limit = upgrade_limit_ms.load();
        return limit != 0 ? limit : upgrade_limit_ms_default;
    }
};
// What was appended lies on a page that there was before: to a keeper that does not know it, it is
// memory that managers share among themselves.
static_assert(offsetof(Board, crashes) / 4096 == (sizeof(Board) - 1) / 4096);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<Wish>::is_always_lock_free);

// The note about `pid`, or null. It stands at pid % kept_runs or in one of the places behind that,
// because two live processes may share the first.
inline RunNote* note_of(Board& board, std::int32_t pid) {
    for (std::uint32_t n = 0; n < note_places; ++n) {
        RunNote& note = board.runs[(static_cast<std::uint32_t>(pid) + n) % kept_runs];
        if (note.pid == pid) return &note;
    }
    return nullptr;
}

// Where a note about `pid` is to be written. When all places are taken, an older note is lost.
inline RunNote& place_of(Board& board, std::int32_t pid) {
    if (RunNote* const known = note_of(board, pid)) return *known;
    for (std::uint32_t n = 0; n < note_places; ++n) {
        RunNote& note = board.runs[(static_cast<std::uint32_t>(pid) + n) % kept_runs];
        if (note.pid == 0) return note;
    }
    return board.runs[static_cast<std::uint32_t>(pid) % kept_runs];
}

}  // namespace syspulse::keeper
