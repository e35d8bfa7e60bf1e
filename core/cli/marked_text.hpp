// Pieces of a log out of an answer with marks: each begins with a line that has its size in bytes
// and the mark of its end. Only whole pieces are handed on, so that what is there has a mark.
#pragma once

#include <charconv>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace syspulse::cli {

class MarkedText {
  public:
    explicit MarkedText(std::function<void(std::string_view piece)> on_piece)
        : on_piece_(std::move(on_piece)) {}

    // False if that is no such answer.
    bool feed(std::string_view bytes) {
        rest_.append(bytes);
        std::size_t at = 0;
        for (;;) {
            const std::size_t line_end = rest_.find('\n', at);
            if (line_end == std::string::npos) break;
            std::size_t size = 0;
            const auto number = std::from_chars(rest_.data() + at, rest_.data() + line_end, size);
            if (number.ec != std::errc{} || *number.ptr != ' ') return false;
            if (rest_.size() - line_end - 1 < size) break;
            const auto mark_at = static_cast<std::size_t>(number.ptr + 1 - rest_.data());
            mark_ = rest_.substr(mark_at, line_end - mark_at);
            on_piece_(std::string_view(rest_).substr(line_end + 1, size));
            at = line_end + 1 + size;
        }
        rest_.erase(0, at);
        return true;
    }

    // The answer was cut off: another one begins, from the mark.
    void begin_anew() { rest_.clear(); }
    // Of all that was handed on; empty before the first piece.
    const std::string& mark() const noexcept { return mark_; }

  private:
    std::function<void(std::string_view)> on_piece_;
    std::string rest_;
    std::string mark_;
};

}  // namespace syspulse::cli
