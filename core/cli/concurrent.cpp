#include "cli/concurrent.hpp"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace syspulse::cli {

void for_each_concurrently(std::size_t count, const std::function<void(std::size_t)>& work,
                           std::size_t parallel) {
    std::atomic<std::size_t> next{0};
    const auto take_turns = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            work(i);
        }
    };
    std::vector<std::thread> threads;
    try {
        for (std::size_t i = 1; i < std::min(count, parallel); ++i) {
            threads.emplace_back(take_turns);
        }
    } catch (const std::system_error&) {
        // Fewer threads than wanted: those that there are, and this one, do the work.
    }
    take_turns();
    for (std::thread& thread : threads) {
        thread.join();
    }
}

}  // namespace syspulse::cli
