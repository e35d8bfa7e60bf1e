// Reads the fields of one map into typed variables. Each function leaves its output alone when the
// key is absent, appends an issue at the value when it is wrong, and returns true only for a good
// value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "config/suggest.hpp"
#include "config/value.hpp"

namespace syspulse::config {

// Durations up to ten years; anything above is a slip.
inline constexpr double seconds_max = 10.0 * 365 * 24 * 3600;

enum class Zero : std::uint8_t { allowed, refused };

class FieldReader {
  public:
    // Reports unknown keys at once. `map` must be a map.
    FieldReader(const Value& map, std::span<const std::string_view> keys, Issues& issues);

    const Value* find(std::string_view key) const { return map_.find(key); }
    const Value& map() const { return map_; }
    // Where the key itself stands, or the map when it is absent.
    const Position& key_position(std::string_view key) const;
    void fail(const Position& where, std::string message);

    // Text must not be empty; an unquoted scalar counts with its literal text.
    bool text(std::string_view key, std::string& out);
    bool any_text(std::string_view key, std::string& out);  // May be empty.
    // The literal text of each scalar of a list.
    bool texts(std::string_view key, std::vector<std::string>& out);
    bool flag(std::string_view key, bool& out);
    bool number(std::string_view key, double& out, double min, double max);
    bool seconds(std::string_view key, Duration& out, Zero zero);
    // A whole number, or one with a K, M, G or T (binary) suffix.
    bool bytes(std::string_view key, std::uint64_t& out);

    template <class Integer>
    bool whole(std::string_view key, Integer& out, std::int64_t min, std::int64_t max) {
        const auto value = whole_number(key, min, max);
        if (value) out = static_cast<Integer>(*value);
        return value.has_value();
    }

    template <class Enum, std::size_t Count>
    bool word(std::string_view key, Enum& out,
              const std::array<std::pair<std::string_view, Enum>, Count>& words) {
        std::array<std::string_view, Count> names{};
        for (std::size_t i = 0; i < Count; ++i) names[i] = words[i].first;
        const auto index = word_index(key, names);
        if (index) out = words[*index].second;
        return index.has_value();
    }

  private:
    std::optional<std::int64_t> whole_number(std::string_view key, std::int64_t min,
                                             std::int64_t max);
    std::optional<std::size_t> word_index(std::string_view key,
                                          std::span<const std::string_view> names);
    void fail_type(std::string_view key, const Value& value, std::string_view expected);

    const Value& map_;
    Issues& issues_;
};

// A size such as "256M", "1GiB" or "4096"; nothing for any other text or one beyond 64 bits.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

// The true or false that a value stands for; unquoted yes, no, on and off included.
std::optional<bool> parse_flag(const Value& value);

// The text that a scalar stands for where strings are wanted: of strings, and of numbers and
// booleans their literal text. Nothing for an absent value, a list, a map, or a text with a NUL
// byte.
std::optional<std::string> literal_text(const Value& value);

}  // namespace syspulse::config
