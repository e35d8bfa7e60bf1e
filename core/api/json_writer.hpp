// Writes JSON straight into a string. `list` of ten thousand daemons must not hold up the loop,
// which building a tree first would; every string is valid UTF-8 afterwards, whatever bytes it had.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace syspulse::api {

class JsonWriter {
  public:
    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }

    void key(std::string_view name);
    void string(std::string_view text);  // Each invalid byte becomes U+FFFD.
    void number(double value);           // Not finite: null.
    void boolean(bool value);
    void null();
    void raw(std::string_view json);  // Already JSON.

    template <std::integral T>
    void integer(T value) {
        separate();
        text_ += std::to_string(value);
    }

    std::string take() && { return std::move(text_); }
    std::size_t size() const noexcept { return text_.size(); }

  private:
    void open(char bracket);
    void close(char bracket);
    void separate();

    std::string text_;
    bool comma_ = false;  // A value precedes on this level.
};

}  // namespace syspulse::api
