// Result<T>: a value or an Error, with the member names of std::expected, which C++20 lacks.
// The type itself is [[nodiscard]], so that a dropped failure does not compile.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/assert.hpp"
#include "base/error.hpp"

namespace syspulse {

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : storage_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
    Result(Error error) : storage_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

    bool has_value() const noexcept { return storage_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T& value() & {
        SYSPULSE_ASSERT(has_value(), "value() of a failed Result");
        return *std::get_if<0>(&storage_);
    }
    const T& value() const& {
        SYSPULSE_ASSERT(has_value(), "value() of a failed Result");
        return *std::get_if<0>(&storage_);
    }
    T&& value() && {
        SYSPULSE_ASSERT(has_value(), "value() of a failed Result");
        return std::move(*std::get_if<0>(&storage_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    const Error& error() const {
        SYSPULSE_ASSERT(!has_value(), "error() of a successful Result");
        return *std::get_if<1>(&storage_);
    }

    T value_or(T fallback) && {
        return has_value() ? std::move(*this).value() : std::move(fallback);
    }

  private:
    std::variant<T, Error> storage_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

    bool has_value() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    const Error& error() const {
        SYSPULSE_ASSERT(error_.has_value(), "error() of a successful Result");
        return *error_;
    }

  private:
    std::optional<Error> error_;
};

}  // namespace syspulse
