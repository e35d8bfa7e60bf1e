// What jobs tell of themselves. They tell of each process that begins and ends, and a completion
// port is nothing that the loop can wait for, so a thread takes it all as it comes and keeps what
// matters.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

#include "windows/win32.hpp"

namespace syspulse::plugins::job {

// Which limits a job has reached since that was asked last.
struct LimitsReached {
    bool memory = false;
    bool processes = false;
};

class JobMessages {
  public:
    JobMessages();  // Throws sdk::Error.
    JobMessages(const JobMessages&) = delete;
    JobMessages& operator=(const JobMessages&) = delete;
    ~JobMessages();

    // Where jobs send their messages, with a key of their own that is none of the two largest.
    HANDLE port() const noexcept { return port_.get(); }
    // An event that is set while there is something to take.
    HANDLE ready() const noexcept { return ready_.get(); }
    // Returns when what was sent before is there to be taken.
    void catch_up();
    // By key; there is one entry for a job at most, however often it says so.
    std::map<ULONG_PTR, LimitsReached> take();

  private:
    void run();

    windows::UniqueHandle port_;
    windows::UniqueHandle ready_;
    std::mutex mutex_;  // Guards what follows.
    std::condition_variable caught_up_;
    std::map<ULONG_PTR, LimitsReached> reached_;
    std::uint64_t asked_ = 0;     // How often catch_up() was called,
    std::uint64_t answered_ = 0;  // and how often the thread came to that.
    bool over_ = false;
    std::thread thread_;  // Last: it uses all the others.
};

}  // namespace syspulse::plugins::job
