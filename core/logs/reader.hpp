// Reads a daemon's log files, archives included: the last lines, or all since a moment, of one
// stream or of both merged by time. Memory stays bounded whatever the files hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "logs/line_pieces.hpp"
#include "logs/mark.hpp"
#include "logs/segment.hpp"
#include "logs/stream.hpp"

namespace syspulse::logs {

struct Query {
    bool out = true;
    bool err = false;
    // The last so many, over both streams; nothing: all. Each piece of a long line counts, so that
    // what is asked for is never more than so many times max_line_bytes.
    std::optional<std::uint64_t> lines{};
    // Only what came at or after this moment: exact for lines with timestamps of the capture, else
    // up to one second more.
    std::optional<WallTime> since{};
    // The capture puts a time before each line. Else what looks like one is the daemon's own, and
    // says nothing about when the line came.
    bool stamped = false;
    // What came after this, whatever `lines` and `since` say: all there is of a stream whose place
    // is not found any more, for retention has removed it.
    std::optional<Mark> from{};
    // What comes while the first line is looked for is not read any more; with it there could be
    // more than `lines`.
    bool ends_at_present = false;
    // Asked often while the first line is looked for, on the thread that looks: once it is true,
    // the rest of that is left out.
    GivenUp given_up{};
};

struct Line {
    Stream stream = Stream::out;
    // With its newline, unless the line goes on in the next piece of the same stream, which may be
    // in the next file, or is not complete yet. Any bytes, not only UTF-8.
    std::string text;
};

class StreamCursor;

// [one thread at a time] Opening looks for the first line, which takes as long as unpacking
// archives and merging what comes before it take, and reading waits for the disk: both belong off
// the loop thread. Opening is `cancelled` when it was given up. A daemon without log files reads as
// empty.
class Reader {
  public:
    static Result<Reader> open(const std::filesystem::path& logs_dir, const std::string& daemon,
                               const Query& query);
    Reader(Reader&&) noexcept;
    Reader& operator=(Reader&&) noexcept;
    ~Reader();

    // Reads the next line, or a piece of a long one; false at the present end of the files. Later
    // calls see what was appended since, also across rotations.
    bool next(Line& line);

    // What comes from now on is not read any more, so that reading ends however much that is.
    void end_at_present();

    // From now on a line that has no newline yet is held back.
    void only_complete_lines();

    // Behind the line or piece that was read last.
    Mark mark() const;

    const std::filesystem::path& directory() const noexcept { return directory_; }
    std::vector<Stream> streams() const;

  private:
    Reader() noexcept;
    void skip(std::uint64_t lines);
    StreamCursor* earliest();
    StreamCursor* earliest_of_open();

    std::filesystem::path directory_;
    std::vector<std::unique_ptr<StreamCursor>> cursors_;
    // Those that were at their end when loads_ was counted. They are not asked for every line of
    // the others: that asks the file system.
    std::vector<StreamCursor*> ended_;
    std::uint64_t loads_ = 0;
    StreamCursor* unfinished_ = nullptr;  // Has given the first pieces of a line.
};

// All lines of a query at once, for callers that know the answer to be small.
Result<std::vector<Line>> read_tail(const std::filesystem::path& logs_dir,
                                    const std::string& daemon, const Query& query);

}  // namespace syspulse::logs
