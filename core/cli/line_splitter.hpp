// Lines out of a stream that comes in pieces cut anywhere.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace syspulse::cli {

class LineSplitter {
  public:
    explicit LineSplitter(std::function<void(std::string_view line)> on_line)
        : on_line_(std::move(on_line)) {}

    void feed(std::string_view piece) {
        for (std::size_t end = piece.find('\n'); end != std::string_view::npos;
             end = piece.find('\n')) {
            if (rest_.empty()) {
                on_line_(piece.substr(0, end));
            } else {
                rest_.append(piece.substr(0, end));
                on_line_(rest_);
                rest_.clear();
            }
            piece.remove_prefix(end + 1);
        }
        rest_.append(piece);
    }

    // Hands on a last line that has no end.
    void finish() {
        if (!rest_.empty()) {
            on_line_(rest_);
            rest_.clear();
        }
    }

  private:
    std::function<void(std::string_view)> on_line_;
    std::string rest_;
};

}  // namespace syspulse::cli
