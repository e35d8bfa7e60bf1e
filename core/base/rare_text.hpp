// A text that is mostly empty: empty it takes one pointer, where std::string takes four.
#pragma once

#include <string>
#include <utility>

#include "base/boxed.hpp"

namespace syspulse {

class RareText {
  public:
    RareText() = default;
    RareText(std::string text) {  // NOLINT: it is one.
        if (!text.empty()) text_ = Boxed<std::string>(std::move(text));
    }
    RareText(const char* text) : RareText(std::string(text)) {}  // NOLINT: likewise.

    bool empty() const noexcept { return !text_; }
    void clear() noexcept { text_.reset(); }
    const std::string& text() const noexcept {
        static const std::string none;
        return text_ ? *text_ : none;
    }
    operator const std::string&() const noexcept { return text(); }  // NOLINT: likewise.

    bool operator==(const RareText&) const = default;

  private:
    Boxed<std::string> text_;  // Absent rather than empty.
};

}  // namespace syspulse
