// Waits in tests that meet real threads and processes: poll a condition with one generous deadline,
// instead of sleeping for a guessed time. Unit tests without threads have no use for it.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace syspulse::test {

// True as soon as `condition` holds; false if it still does not after `deadline`.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::seconds deadline = std::chrono::seconds{60}) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

}  // namespace syspulse::test
