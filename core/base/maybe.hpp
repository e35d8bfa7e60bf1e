// A number, a length of time or a moment that may be absent, in no more room than it takes itself,
// where std::optional takes twice as much. The price is one value of the type, which stands for
// "absent": the lowest, or the highest of a type without negative values.
#pragma once

#include <limits>
#include <optional>
#include <type_traits>

namespace syspulse {

template <class T>
struct AbsentValue {
    static constexpr T value = T::min();  // Of std::chrono's types.
};
template <class T>
requires std::numeric_limits<T>::is_specialized struct AbsentValue<T> {
    static constexpr T value =
        std::is_unsigned_v<T> ? std::numeric_limits<T>::max() : std::numeric_limits<T>::lowest();
};

template <class T>
class Maybe {
  public:
    constexpr Maybe() = default;
    constexpr Maybe(std::nullopt_t) {}           // NOLINT: as std::optional.
    constexpr Maybe(T value) : value_(value) {}  // NOLINT: likewise.
    constexpr Maybe(const std::optional<T>& value)
        : value_(value.value_or(absent)) {}  // NOLINT: they mean the same.

    constexpr operator std::optional<T>() const {  // NOLINT: likewise.
        return has_value() ? std::optional<T>(value_) : std::nullopt;
    }
    constexpr explicit operator bool() const noexcept { return has_value(); }
    constexpr bool has_value() const noexcept { return value_ != absent; }
    constexpr const T& operator*() const noexcept { return value_; }
    constexpr T value_or(T fallback) const { return has_value() ? value_ : fallback; }
    constexpr void reset() noexcept { value_ = absent; }

    constexpr bool operator==(const Maybe&) const = default;

  private:
    static constexpr T absent = AbsentValue<T>::value;
    T value_ = absent;
};

}  // namespace syspulse
