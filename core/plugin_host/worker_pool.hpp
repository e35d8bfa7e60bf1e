// A bounded pool of threads for blocking code of plugins. Threads are made when work waits and none
// is idle; idle ones sleep.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/time.hpp"

namespace syspulse::plugin_host {

class WorkerPool {
  public:
    // `limit` threads at most; 0 means four per CPU and at least eight.
    explicit WorkerPool(std::size_t limit);
    // Waits a short time until all accepted work is done. What remains then is dropped, and a
    // thread that plugin code holds longer is left to itself, as nothing could end it safely.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // False when too much is queued already. [any thread]
    bool run(std::function<void()> work);

  private:
    struct State;
    std::shared_ptr<State> state_;  // Shared with the threads, which may outlive the pool.
};

}  // namespace syspulse::plugin_host
