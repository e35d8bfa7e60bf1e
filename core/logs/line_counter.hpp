// Counts the lines of what was written, on a thread of its own: the capture moves bytes without
// looking at them, and nothing here may make it slower than it has to be.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "platform/output_file.hpp"

namespace syspulse::logs {

// Written by the capture thread and its line counter, read by any.
struct OutputMeter {
    std::atomic<std::uint64_t> bytes = 0;
    std::atomic<std::uint64_t> dropped_bytes = 0;
    std::atomic<std::uint64_t> lines = 0;  // As far as they are counted.
};

// The thread begins with the first thing to count, so that who never asks and never rotates pays
// nothing. It is begun by the thread whose descriptors the files are, and shares them.
// [capture thread]
class LineCounter {
  public:
    LineCounter() = default;
    // Leaves uncounted what waits, and tells those who asked.
    ~LineCounter();
    LineCounter(const LineCounter&) = delete;
    LineCounter& operator=(const LineCounter&) = delete;

    // Adds the lines that end in [from, to) of the file. When too much waits already, which keeps
    // files of a flood on the disk, it is counted at once.
    void add(platform::OutputFile file, std::uint64_t from, std::uint64_t to,
             std::shared_ptr<OutputMeter> meter);
    // Calls `done` on any thread once all that was added before is counted.
    void when_counted(std::function<void()> done);

  private:
    struct Job {
        platform::OutputFile file{};
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::shared_ptr<OutputMeter> meter{};
        std::function<void()> done{};
    };

    bool begin();
    void run();
    void count(const Job& job);

    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<Job> jobs_;  // The first stays until it is done.
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace syspulse::logs
