// What a check's message shows of the output of a command.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace syspulse::plugins::command {

inline constexpr std::size_t kept_bytes =
    4096;  // Of the beginning, and again of the end, of the output.

// Keeps the beginning and the end of a stream of any length.
class Excerpt {
  public:
    void append(const char* data, std::size_t size) {
        const std::size_t to_head = std::min(size, kept_bytes - head_.size());
        head_.append(data, to_head);
        tail_.append(data + to_head, size - to_head);
        if (tail_.size() <= kept_bytes) return;
        tail_.erase(0, tail_.size() - kept_bytes);
        cut_ = true;
    }
    // Control characters become blanks, blanks are merged.
    std::string one_line() const {
        std::string line;
        for (const char c : head_ + (cut_ ? " ... " : "") + tail_) {
            const auto byte = static_cast<unsigned char>(c);
            const char shown = byte < 0x20 || byte == 0x7f ? ' ' : c;
            if (shown != ' ' || (!line.empty() && line.back() != ' ')) line += shown;
        }
        while (!line.empty() && line.back() == ' ') line.pop_back();
        return line;
    }

  private:
    std::string head_;
    std::string tail_;
    bool cut_ = false;
};

}  // namespace syspulse::plugins::command
