#include "common/launch_threads.hpp"

#include <system_error>
#include <utility>

namespace syspulse::plugins {

LaunchThreads::~LaunchThreads() {
    std::deque<std::function<void()>> dropped;
    {
        const std::lock_guard lock{mutex_};
        over_ = true;
        dropped.swap(queue_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void LaunchThreads::run(std::function<void()> work) {
    bool more = false;
    {
        const std::lock_guard lock{mutex_};
        queue_.push_back(std::move(work));
        more = idle_ < queue_.size();
    }
    if (more && threads_.size() < most_) add();
    changed_.notify_one();
}

bool LaunchThreads::add() {
    try {
        threads_.emplace_back([this] { serve(); });
        return true;
    } catch (const std::system_error&) {  // A limit; those that there are do it.
        return false;
    }
}

void LaunchThreads::serve() {
    std::unique_lock lock{mutex_};
    for (;;) {
        ++idle_;
        changed_.wait(lock, [this] { return over_ || !queue_.empty(); });
        --idle_;
        if (over_) return;
        const std::function<void()> work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        lock.lock();
    }
}

}  // namespace syspulse::plugins
