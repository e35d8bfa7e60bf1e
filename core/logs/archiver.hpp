// Keeps the archives of log files: shifts and renames on rotation, enforces retention, compresses
// in the background.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "logs/stream.hpp"
#include "platform/output_file.hpp"

namespace syspulse::logs {

struct Archive {
    std::uint32_t number = 0;  // 1 is the newest.
    bool compressed = false;
};

// Newest first. An archive that exists in both forms, which a crash can leave, is listed as not
// compressed.
std::vector<Archive> list_archives(const std::filesystem::path& dir, Stream stream);

class Archiver {
  public:
    Archiver();
    // What is half compressed is given up; tidy() takes it up again.
    ~Archiver();
    Archiver(const Archiver&) = delete;
    Archiver& operator=(const Archiver&) = delete;

    // Makes the active file archive 1. Until it returns, each byte has one name at all times. [any
    // thread]
    Result<void> rotate(const std::filesystem::path& dir, Stream stream,
                        std::uint32_t retain_count);
    // False if there is none. [any thread]
    bool drop_oldest(const std::filesystem::path& dir, Stream stream);
    // Removes what is too old and what a crash left half done. [any thread]
    void tidy(const std::filesystem::path& dir, Stream stream, std::uint32_t retain_count);
    // Compresses all archives that are not yet. [any thread]
    void compress(const std::filesystem::path& dir, Stream stream);

  private:
    using Job = std::pair<std::filesystem::path, Stream>;

    void work();
    bool compress_one(const Job& job);
    bool put_in_place(const Job& job, const std::filesystem::path& packed,
                      const platform::FileId& source);

    // Held while names change, never while data is read or written.
    std::mutex names_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<Job> jobs_;  // Streams, not files: bounded however fast they rotate.
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace syspulse::logs
