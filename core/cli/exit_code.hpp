// What the process returns; the table of syspulse(1). Scripts depend on these numbers.
#pragma once

#include <algorithm>
#include <array>

namespace syspulse::cli {

enum class ExitCode : int {
    done = 0,
    failed = 1,       // The operation failed.
    usage = 2,        // Wrong command line, or an invalid spec.
    unreachable = 3,  // No manager answers.
    no_such_daemon = 4,
    conflict = 5,  // Already exists, or not in this state.
    timed_out = 6,
    permission_denied = 7,
};

constexpr int to_int(ExitCode code) noexcept {
    return static_cast<int>(code);
}

// The order in which one exit code stands for several outcomes: what says most about the whole
// request comes last. A manager that went away explains every later failure; a name that does not
// exist explains only itself.
constexpr std::array severity{
    ExitCode::done,      ExitCode::usage,  ExitCode::no_such_daemon,    ExitCode::conflict,
    ExitCode::timed_out, ExitCode::failed, ExitCode::permission_denied, ExitCode::unreachable};

constexpr ExitCode worst(ExitCode a, ExitCode b) noexcept {
    const auto* place_a = std::find(severity.begin(), severity.end(), a);
    const auto* place_b = std::find(severity.begin(), severity.end(), b);
    return place_a < place_b ? b : a;
}

}  // namespace syspulse::cli
