// Threads of the driver's own that start processes. Workers of the host would do, if they were not
// everybody's: a start must not wait behind checks that block.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace syspulse::plugins {

// [main], but for the work itself.
class LaunchThreads {
  public:
    explicit LaunchThreads(std::size_t most) : most_(most) {}
    // Drops what has not begun and waits for what has. A thread lives until then, because to a
    // process that asked for it (PR_SET_PDEATHSIG) the thread that started it is its parent.
    ~LaunchThreads();
    LaunchThreads(const LaunchThreads&) = delete;
    LaunchThreads& operator=(const LaunchThreads&) = delete;

    // Whether there is a thread, or one can be made. run() needs one.
    bool any() { return !threads_.empty() || add(); }
    // Does the work, which throws nothing, on one of the threads.
    void run(std::function<void()> work);

  private:
    bool add();
    void serve();

    std::size_t most_;
    std::mutex mutex_;  // Guards what follows it.
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    std::size_t idle_ = 0;
    bool over_ = false;
    std::vector<std::thread> threads_;  // [main]
};

}  // namespace syspulse::plugins
