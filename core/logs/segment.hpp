// One part of a stream's log, the active file or an archive, held open for reading while its name
// changes.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "logs/archiver.hpp"
#include "logs/gzip.hpp"
#include "logs/mark.hpp"
#include "logs/stream.hpp"
#include "logs/time_index.hpp"
#include "platform/output_file.hpp"

namespace syspulse::logs {

// Whether nobody waits for the answer any more.
using GivenUp = std::function<bool()>;

class Segment {
  public:
    // Archive number 0 is the active file.
    static Result<Segment> open(const std::filesystem::path& dir, Stream stream,
                                const Archive& archive);

    bool is_packed() const noexcept { return packed_ != nullptr; }
    platform::FileId id() const noexcept { return opened_as_.id; }
    WallTime modified() const;
    // The same part of the log, though perhaps packed since.
    bool is_same_part(Segment& other);
    bool is_part(const Position& position) const;
    Position position(std::uint64_t offset) const { return {id(), index_.id(), offset}; }
    TimeIndex& index() noexcept { return index_; }
    // The writer may create the index only now; looks for it again if it was not there.
    void find_index();
    // The present size; of an unpacked file only.
    std::uint64_t size() const;

    // An offset at which nothing is read at present.
    std::uint64_t end() const;

    // Fewer bytes than asked for only at the end, or once it is given up. Going backwards in a
    // packed file by more than the last read starts over.
    std::size_t read_at(std::uint64_t offset, std::span<char> bytes);

    void read_until(GivenUp given_up) { given_up_ = std::move(given_up); }

    struct Tail {
        std::uint64_t offset = 0;  // Where the lines begin.
        std::uint64_t lines = 0;
    };
    // The last `wanted` lines at or after `from` and before `end`, or as many as there are.
    Tail find_tail(std::uint64_t from, std::uint64_t wanted, std::uint64_t end);

  private:
    std::string beginning();
    std::size_t read_packed(std::uint64_t offset, std::span<char> bytes);
    Tail find_tail_backwards(std::uint64_t from, std::uint64_t wanted, std::uint64_t end);
    std::uint64_t count_lines(std::uint64_t from, std::uint64_t end);
    std::uint64_t skip_lines(std::uint64_t from, std::uint64_t count);

    platform::OutputFile file_;
    std::unique_ptr<GzipReader> packed_;
    std::uint64_t position_ = 0;  // In the unpacked bytes of packed_.
    std::string recent_;          // What was read before position_.
    GivenUp given_up_;
    std::filesystem::path active_path_;  // Empty for archives.
    std::filesystem::path active_index_path_;
    platform::FileState opened_as_;
    TimeIndex index_;
};

// Told of each part, and whether it is the first, which is the newest; true if older parts are not
// needed.
using Enough = std::function<bool(Segment& segment, bool first)>;

// Opens a stream's parts from the newest to the oldest until `enough`, and returns them the oldest
// first. Of very many only the oldest, without a gap. Consistent also while they are rotated.
std::deque<Segment> open_segments(const std::filesystem::path& dir, Stream stream,
                                  const Enough& enough);

}  // namespace syspulse::logs
