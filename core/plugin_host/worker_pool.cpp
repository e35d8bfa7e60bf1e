#include "plugin_host/worker_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/detached_thread.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::size_t queue_limit = 4096;
constexpr std::chrono::seconds shutdown_patience{2};

std::size_t default_limit() {
    return std::max<std::size_t>(8, 4 * std::size_t{std::thread::hardware_concurrency()});
}

}  // namespace

struct WorkerPool::State {
    std::mutex mutex;
    std::condition_variable work_waits;
    std::condition_variable thread_ended;
    std::deque<std::function<void()>> queue;
    std::size_t limit = 0;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool stopping = false;

    void serve() {
        std::unique_lock lock(mutex);
        while (true) {
            ++idle;
            work_waits.wait(lock, [this] { return stopping || !queue.empty(); });
            --idle;
            if (queue.empty()) break;
            const std::function<void()> work = std::move(queue.front());
            queue.pop_front();
            lock.unlock();
            work();
            lock.lock();
        }
        --threads;
        thread_ended.notify_all();
    }
};

WorkerPool::WorkerPool(std::size_t limit) : state_(std::make_shared<State>()) {
    state_->limit = limit == 0 ? default_limit() : limit;
}

WorkerPool::~WorkerPool() {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->work_waits.notify_all();
    state_->thread_ended.wait_for(lock, shutdown_patience, [this] { return state_->threads == 0; });
    state_->queue.clear();
}

bool WorkerPool::run(std::function<void()> work) {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->queue.size() >= queue_limit) return false;
    if (state_->idle <= state_->queue.size() && state_->threads < state_->limit) {
        try {
            start_detached([state = state_] { state->serve(); });
            ++state_->threads;
        } catch (const std::system_error&) {
            if (state_->threads == 0) return false;
        }
    }
    state_->queue.push_back(std::move(work));
    state_->work_waits.notify_one();
    return true;
}

}  // namespace syspulse::plugin_host
