// What counts as a line of a log: up to its newline, or so much of it as a reader takes at once.
#pragma once

#include <cstddef>
#include <string_view>

namespace syspulse::logs {

// A longer line comes in pieces of this size.
constexpr std::size_t max_line_bytes = 1024 * 1024;

// Finds the ends of lines and of pieces in text that comes in blocks cut anywhere.
class LinePieces {
  public:
    // Removes what ends the present piece from the beginning of `text`, or all of it; true if that
    // ended the piece.
    bool take(std::string_view& text) {
        const auto newline = text.find('\n');
        const std::size_t missing = max_line_bytes - open_;
        const std::size_t end =
            newline == std::string_view::npos || newline >= missing ? missing : newline + 1;
        const bool ends = end <= text.size();
        open_ = ends ? 0 : open_ + text.size();
        text.remove_prefix(ends ? end : text.size());
        return ends;
    }

    bool is_open() const noexcept { return open_ > 0; }

  private:
    std::size_t open_ = 0;  // Bytes of the present piece so far.
};

}  // namespace syspulse::logs
