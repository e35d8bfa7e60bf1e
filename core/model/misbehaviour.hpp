// What plugins did that they must not do, or did too slowly.
#pragma once

#include <cstdint>

namespace syspulse::model {

// All count from the start of the process that the plugins are in.
struct Misbehaviour {
    std::uint64_t stale = 0;       // Completions nobody waits for: twice, late, invented.
    std::uint64_t wrong_type = 0;  // Completed with the function of another operation.
    // Results that cannot be true: pid 1, a huge token, a foreign process, a metric that is no
    // number.
    std::uint64_t rejected = 0;
    std::uint64_t thrown = 0;      // C++ exceptions out of a function of the plugin.
    std::uint64_t slow_calls = 0;  // Calls that held the loop for more than 50 ms.
    std::uint64_t unanswered = 0;  // Operations whose deadline passed.
    std::uint64_t log_lines_dropped = 0;

    bool operator==(const Misbehaviour&) const = default;
    Misbehaviour& operator+=(const Misbehaviour& other) {
        stale += other.stale;
        wrong_type += other.wrong_type;
        rejected += other.rejected;
        thrown += other.thrown;
        slow_calls += other.slow_calls;
        unanswered += other.unanswered;
        log_lines_dropped += other.log_lines_dropped;
        return *this;
    }
};

}  // namespace syspulse::model
