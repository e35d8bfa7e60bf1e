// The two streams of a daemon and the names of the files that keep them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace syspulse::logs {

enum class Stream : std::uint8_t { out, err };

// "stdout", "stderr".
std::string_view stream_name(Stream stream) noexcept;

// A path as it is kept for each of thousands of daemons: std::filesystem::path keeps the names in
// it a second time, one by one.
class KeptPath {
  public:
    explicit KeptPath(const std::filesystem::path& path) : text_(path.native()) {}
    operator std::filesystem::path() const { return text_; }  // NOLINT: it is one.

  private:
    std::filesystem::path::string_type text_;
};

// <dir>/stdout.log for number 0, <dir>/stdout.log.3 for number 3.
std::filesystem::path log_path(const std::filesystem::path& dir, Stream stream,
                               std::uint32_t number = 0);
// <dir>/stdout.log.3.gz
std::filesystem::path compressed_path(const std::filesystem::path& dir, Stream stream,
                                      std::uint32_t number);
// <dir>/.stdout.index, <dir>/.stdout.index.3
std::filesystem::path index_path(const std::filesystem::path& dir, Stream stream,
                                 std::uint32_t number = 0);
// <dir>/.stdout.fifo
std::filesystem::path pipe_path(const std::filesystem::path& dir, Stream stream);

}  // namespace syspulse::logs
