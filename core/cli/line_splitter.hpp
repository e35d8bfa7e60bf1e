// Lines out of a stream that comes in pieces cut anywhere, without their ends, which are a newline
// or, as programs of Windows write, a carriage return before it. A longer line than max_line_bytes
// comes as several, so that memory stays bounded.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace syspulse::cli {

class LineSplitter {
  public:
    static constexpr std::size_t max_line_bytes = 1024 * 1024;

    explicit LineSplitter(std::function<void(std::string_view line)> on_line)
        : on_line_(std::move(on_line)) {}

    void feed(std::string_view piece) {
        for (std::size_t end = piece.find('\n'); end != std::string_view::npos;
             end = piece.find('\n')) {
            if (rest_.empty()) {
                on_line_(without_return(piece.substr(0, end)));
            } else {
                rest_.append(piece.substr(0, end));
                on_line_(without_return(rest_));
                rest_.clear();
            }
            piece.remove_prefix(end + 1);
        }
        rest_.append(piece);
        while (rest_.size() > max_line_bytes) {
            on_line_(std::string_view(rest_).substr(0, max_line_bytes));
            rest_.erase(0, max_line_bytes);
        }
    }

    // Hands on a last line that has no end.
    void finish() {
        if (!rest_.empty()) {
            on_line_(rest_);
            rest_.clear();
        }
    }

  private:
    static std::string_view without_return(std::string_view line) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        return line;
    }

    std::function<void(std::string_view)> on_line_;
    std::string rest_;
};

}  // namespace syspulse::cli
