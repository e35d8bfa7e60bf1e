// Frames between the manager and a plugin host: a fixed header, then values one after the other.
// Private to one build of the program, as both ends are the same executable; the reader still takes
// its peer for an enemy.
//
// Header: u32 length of the whole frame, u16 type, u16 number of handles that come along, u64 id.
// All numbers are little-endian.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::plugin_host {

constexpr std::size_t frame_header_bytes = 16;
constexpr std::size_t frame_bytes_max = 8UL * 1024 * 1024;
constexpr std::size_t frame_handles_max = 8;

enum class FrameType : std::uint16_t {
    // From the manager; the id names the operation where there is one.
    create = 1,
    destroy,
    check,
    spawn,
    recover,
    signal,
    inspect,
    stats,
    release,
    cancel,
    extension,
    ping,
    goodbye,
    try_spawn,  // syspulse.try/1, with the body of a spawn.
    // From the host.
    hello = 64,
    failed,
    created,
    done,
    exited,
    pong,
    misbehaved,
};

struct Frame {
    FrameType type{};
    std::uint64_t id = 0;
    std::string body;
    std::vector<platform::OwnedHandle> handles;
};

// Builds one frame.
class FrameWriter {
  public:
    FrameWriter(FrameType type, std::uint64_t id, std::size_t handles = 0);
    FrameWriter& u8(std::uint8_t value) { return number(value, 1); }
    FrameWriter& u32(std::uint32_t value) { return number(value, 4); }
    FrameWriter& i32(std::int32_t value) { return number(static_cast<std::uint32_t>(value), 4); }
    FrameWriter& u64(std::uint64_t value) { return number(value, 8); }
    FrameWriter& i64(std::int64_t value) { return number(static_cast<std::uint64_t>(value), 8); }
    FrameWriter& f64(double value);
    FrameWriter& text(std::string_view value);
    FrameWriter& texts(const std::vector<std::string>& values);

    // The finished frame, which may be larger than frame_bytes_max: nobody will take it then.
    std::string take();

  private:
    FrameWriter& number(std::uint64_t value, std::size_t bytes);

    std::string bytes_;
};

// The same frame under another id.
std::string with_frame_id(std::string frame, std::uint64_t id);

// Reads the values of one body. What is missing reads as zero or empty and makes ok() false.
class FrameReader {
  public:
    explicit FrameReader(std::string_view body) : rest_(body) {}
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
    std::uint64_t u64() { return number(8); }
    std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
    double f64();
    std::string text();
    std::vector<std::string> texts();

    bool ok() const { return ok_; }
    // Everything was there, and nothing is left over.
    bool complete() const { return ok_ && rest_.empty(); }

  private:
    std::uint64_t number(std::size_t bytes);

    std::string_view rest_;
    bool ok_ = true;
};

// Cuts a stream into frames. After an error the stream is of no use.
class FrameSplitter {
  public:
    void add(std::string_view bytes, std::vector<platform::OwnedHandle> handles);
    // The next frame; nothing when more bytes are needed.
    Result<std::optional<Frame>> next();

  private:
    Result<std::optional<Frame>> incomplete() const;

    std::string bytes_;
    std::size_t begin_ = 0;  // Of what has not been cut off yet.
    std::deque<platform::OwnedHandle> handles_;
};

}  // namespace syspulse::plugin_host
