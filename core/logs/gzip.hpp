// gzip files, with zlib kept out of everybody else's sight.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "platform/output_file.hpp"

namespace syspulse::logs {

// Compresses all of `source` into a new file. Gives up with `cancelled` soon after `stop` is set.
Result<void> gzip(const platform::OutputFile& source, const std::filesystem::path& target,
                  const std::atomic<bool>& stop);

// Unpacks from the beginning to the end, also files of several members.
class GzipReader {
  public:
    // Takes over the file, whose name may change or vanish meanwhile.
    static Result<std::unique_ptr<GzipReader>> open(platform::OutputFile file);
    ~GzipReader();
    GzipReader(const GzipReader&) = delete;
    GzipReader& operator=(const GzipReader&) = delete;

    // Fewer bytes than asked for only at the end. A damaged file ends where the damage begins.
    std::size_t read(std::span<char> bytes);
    void rewind();

  private:
    struct State;
    explicit GzipReader(std::unique_ptr<State> state);
    bool refill();
    std::unique_ptr<State> state_;
};

}  // namespace syspulse::logs
