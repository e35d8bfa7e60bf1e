// Moves one stream's bytes from its pipe into its log file: rotation at line boundaries, or within
// a line that is longer than a file has room for, timestamps, the time index, and what to do when
// the disk is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/boxed.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "logs/archiver.hpp"
#include "logs/line_counter.hpp"
#include "logs/stream.hpp"
#include "platform/clock.hpp"
#include "platform/output_capture.hpp"
#include "platform/output_file.hpp"
#include "platform/output_pipes.hpp"

namespace syspulse::logs {

constexpr std::size_t peek_bytes = 256 * 1024;

// What the streams of one capture thread share.
struct WriterTools {
    platform::OutputPipes& pipes;
    Archiver& archiver;
    LineCounter& lines;
    const platform::Clock& clock;
    // Reused by every call. Not filled at first, as what nobody has peeked into takes no memory.
    std::unique_ptr<char[]> peeked = std::make_unique_for_overwrite<char[]>(peek_bytes);
    std::string text{};
};

// [capture thread]
class StreamWriter {
  public:
    // Takes over the pipe. `meter` may be null.
    StreamWriter(WriterTools& tools, std::shared_ptr<const KeptPath> dir, Stream stream,
                 platform::NativeHandle pipe, std::shared_ptr<OutputMeter> meter = nullptr);
    ~StreamWriter();
    StreamWriter(const StreamWriter&) = delete;
    StreamWriter& operator=(const StreamWriter&) = delete;

    void use(const platform::CaptureSettings& settings);
    // Does to the files what the settings ask for, and makes the log file if there is none.
    void put_in_order();
    // Takes what is in the old pipe first, of a writer that never ends no more than `most` bytes.
    void replace_pipe(platform::NativeHandle pipe, std::size_t most);
    platform::NativeHandle pipe() const noexcept { return pipe_; }

    // Writes part of what is in the pipe, or drops it if it cannot be written; returns how much.
    // Repeat while the pipe holds bytes. Zero although it does: they wait until there is room.
    std::size_t pump();
    // Until the pipe is empty, they wait, or so many bytes are taken.
    void pump_at_most(std::size_t most);
    bool has_bytes() const { return tools_.pipes.available(pipe_) > 0; }

    // Ends a line that nobody can go on with any more; does nothing while somebody can.
    void complete_line();
    // Has the lines of what was written so far counted.
    void count_lines();
    // The files rest until the next run writes.
    void rest();

    // The file is opened when needed; who has many streams closes those that rest.
    bool is_file_open() const noexcept { return static_cast<bool>(file_); }
    void close_file() noexcept { file_.close(); }

  private:
    Result<void> ready_file();
    void hand_in_lines();
    void begin_index(const std::filesystem::path& log);
    Result<std::size_t> write_some(std::size_t available);
    std::uint64_t size_limit() const;
    std::uint64_t room_for_end_of_line() const;
    Result<std::size_t> move_some(std::size_t available);
    Result<std::size_t> move(std::size_t size);
    Result<std::size_t> stamp_some(std::size_t available);
    std::size_t stamp_lines(std::size_t size, bool at_line_start, const std::string& stamp,
                            bool& full);
    void rotate();
    bool at_line_start() const;
    void note_time();
    Result<void> note_dropped();
    std::size_t drop(std::size_t size, const Error& why);
    void tell_trouble(const char* what, const Error& why);
    void tell_end_of_trouble();
    bool make_room(const Error& why);
    Result<void> append(std::string_view text);

    WriterTools& tools_;
    std::shared_ptr<const KeptPath> dir_;  // Shared by the two streams of a daemon.
    Stream stream_;
    std::shared_ptr<OutputMeter> meter_;  // Of the daemon.
    bool in_trouble_ = false;             // Nothing could be written the last time.
    bool enlarged_ = false;
    bool line_may_be_open_ = true;  // An earlier manager may have left one.
    bool continues_line_ = false;   // The file, while it is empty, goes on within a line.
    // Since a rotation failed: the size of the file at which it is tried again.
    std::optional<std::uint64_t> rotates_again_at_;
    platform::CaptureSettings settings_;
    platform::NativeHandle pipe_;
    platform::OutputFile file_;
    std::uint64_t size_ = 0;                // Of the file; where the next byte goes.
    std::optional<std::uint64_t> counted_;  // To here its lines are counted, or before our time.
    std::uint64_t dropped_ = 0;             // Bytes lost since writing became impossible.
    Boxed<std::string> dropped_why_;        // Of the first of them.
    WallTime indexed_;                      // The last record in the time index.
};

}  // namespace syspulse::logs
