// Walks through the lines of one stream from some point of its past to its growing end, over all
// its files.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "logs/reader.hpp"
#include "logs/segment.hpp"

namespace syspulse::logs {

class StreamCursor {
  public:
    // Stands before the last `lines` lines (all without) that came at or after `since`.
    StreamCursor(std::filesystem::path dir, Stream stream, const Query& query);

    Stream stream() const noexcept { return stream_; }
    // How many lines it stood before at first; only counted if a number of lines was asked for.
    std::uint64_t counted() const noexcept { return counted_; }
    // A line without its newline is held back until it is complete.
    void only_complete_lines() noexcept { only_complete_ = true; }
    // What comes from now on is not read any more.
    void end_at_present();
    // How often something was read from the files.
    std::uint64_t loads() const noexcept { return loads_; }
    void want_times() noexcept { want_times_ = true; }

    // True if there is a line, or a piece of one, to take.
    bool fill();
    std::string take();
    // Behind what was taken last; nothing if there are no files.
    std::optional<Position> position() const;
    bool ends_line() const noexcept { return length_ > 0 && buffer_[start_ + length_ - 1] == '\n'; }
    // When the present line came, as well as that is known.
    WallTime time() const noexcept { return time_; }
    const std::filesystem::path& directory() const noexcept { return dir_; }

  private:
    void find_start(const Query& query);
    void go_to(const std::optional<Position>& position);
    bool load();
    bool find_line();
    void keep_time();
    bool is_too_old() const;
    bool advance();
    void open_first();
    bool open_successors();
    bool find_start_in(Segment& segment, std::optional<std::uint64_t> lines, std::uint64_t end);
    bool is_at_last();

    std::filesystem::path dir_;
    Stream stream_;
    std::optional<WallTime> since_;
    bool stamped_ = false;
    bool only_complete_ = false;
    bool want_times_ = false;
    std::uint64_t counted_ = 0;
    std::uint64_t loads_ = 0;
    // What is not read beyond: the end that the newest segment had.
    std::optional<std::uint64_t> last_end_;
    std::optional<Segment> last_;

    std::deque<Segment> segments_;  // The first is being read; others may follow the last.
    std::uint64_t offset_ = 0;      // In it, of the end of the buffer.
    std::string buffer_;            // Read ahead; what is before start_ has been taken.
    std::size_t start_ = 0;
    std::size_t searched_ = 0;  // Bytes from start_ on that hold no newline.
    std::size_t length_ = 0;    // Of the present line or piece; zero if there is none.
    bool skip_first_ = false;   // The first segment holds nothing that is wanted.
    bool inside_line_ = false;  // The piece taken last did not end its line.
    WallTime time_{};
};

}  // namespace syspulse::logs
