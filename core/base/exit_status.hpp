// How a run ended, in our own words.
#pragma once

#include <cstdint>
#include <string>

namespace syspulse {

struct ExitStatus {
    enum class Kind : std::uint8_t {
        code,    // The process returned `value`.
        signal,  // Signal number `value` ended it.
        lost,    // It ended, but nobody could read how; `value` means nothing.
    };
    Kind kind = Kind::lost;
    bool oom_killed = false;
    std::int32_t value = 0;
    std::uint64_t memory_peak_bytes = 0;  // The most the run ever held; zero is not known.

    static constexpr ExitStatus exited(std::int32_t code) { return {Kind::code, false, code, 0}; }
    static constexpr ExitStatus signalled(std::int32_t number) {
        return {Kind::signal, false, number, 0};
    }
    static constexpr ExitStatus unknown() { return {Kind::lost, false, 0, 0}; }

    bool operator==(const ExitStatus&) const = default;
};

// Of an exit with a code: never negative, as systems with codes of 32 bits write them; `value` has
// the same bits.
constexpr std::uint32_t exit_code(const ExitStatus& status) {
    return static_cast<std::uint32_t>(status.value);
}

// "1"; the status of a program that Windows ended, which no other system's codes look like, as
// "0xC0000005 (access violation)".
std::string exit_code_text(std::int64_t code);

// "exit code 1", "signal SIGTERM", "unknown exit status".
std::string describe(const ExitStatus& status);

}  // namespace syspulse
