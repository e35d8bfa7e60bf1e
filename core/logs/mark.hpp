// Where a reader stands in a daemon's log files, as text that another manager can go on from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/output_file.hpp"

namespace syspulse::logs {

// A place in one part of a stream. Rotation renames a part; packing it makes another file but keeps
// its index.
struct Position {
    platform::FileId log;
    std::optional<platform::FileId> index;
    std::uint64_t offset = 0;
};

// Of each stream that is read; nothing where it had no files yet.
struct Mark {
    std::optional<Position> out;
    std::optional<Position> err;

    std::string text() const;
    static Result<Mark> parse(std::string_view text);
};

}  // namespace syspulse::logs
