// When which byte of a log file came, so that `--since` and merging work without timestamps in the
// lines.
//
//   index  = record*
//   record = i64 milliseconds since 1970, i64 offset     (16 bytes, this machine's byte order)
//
// A record says that the bytes from `offset` to the next record's offset came at that moment or
// less than index_step later. A torn last record is ignored, and so are records past the end of the
// log.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/output_file.hpp"

namespace syspulse::logs {

constexpr std::chrono::milliseconds index_step{1000};

// Offset zero begins the index anew.
Result<void> append_time(const std::filesystem::path& index, WallTime when, std::uint64_t offset);

// One index, open for reading. An index that does not exist is empty.
class TimeIndex {
  public:
    TimeIndex() = default;
    explicit TimeIndex(const std::filesystem::path& index);

    // Stays the same when the log that it belongs to is renamed or compressed; nothing without an
    // index.
    std::optional<platform::FileId> id() const noexcept { return id_; }

    // Where the bytes that came at or after `since` begin; nothing if all came earlier. Zero
    // without an index.
    std::optional<std::uint64_t> first_since(WallTime since);

    // When the byte at `offset` came; nothing if unknown.
    std::optional<WallTime> time_at(std::uint64_t offset);

  private:
    struct Record {
        std::int64_t ms = 0;
        std::int64_t offset = 0;
    };
    std::uint64_t count();
    std::optional<Record> at(std::uint64_t number);

    platform::OutputFile file_;
    std::optional<platform::FileId> id_;
    // The bytes [known_from_, known_until_) came at known_.
    std::uint64_t known_from_ = 0;
    std::uint64_t known_until_ = 0;
    WallTime known_;
};

}  // namespace syspulse::logs
