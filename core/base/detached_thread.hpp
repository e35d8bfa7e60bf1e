// A thread that nobody waits for.
#pragma once

#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace syspulse {

// Runs `work` on a thread of its own; throws std::system_error when there can be none. The thread
// does not begin before it is detached: of one that has ended by then, the threads of mingw-w64 may
// give what they keep about it to the next thread, and then take that for ended before it has run.
template <typename Work>
void start_detached(Work work) {
    const auto gate = std::make_shared<std::mutex>();
    const std::lock_guard closed(*gate);
    std::thread([gate, work = std::move(work)]() mutable {
        { const std::lock_guard opened(*gate); }
        work();
    }).detach();
}

}  // namespace syspulse
