// A value that is mostly absent, kept apart from the object that may have it: absent it takes one
// pointer, where std::optional takes room for all of it. Copies are deep.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace syspulse {

template <class T>
class Boxed {
  public:
    Boxed() = default;
    Boxed(std::nullopt_t) {}                                           // NOLINT: as std::optional.
    Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: likewise.
    Boxed(const Boxed& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
    Boxed(Boxed&&) noexcept = default;
    Boxed& operator=(const Boxed& other) { return *this = Boxed(other); }
    Boxed& operator=(Boxed&&) noexcept = default;
    ~Boxed() = default;

    explicit operator bool() const noexcept { return value_ != nullptr; }
    bool has_value() const noexcept { return value_ != nullptr; }
    T& operator*() noexcept { return *value_; }
    const T& operator*() const noexcept { return *value_; }
    T* operator->() noexcept { return value_.get(); }
    const T* operator->() const noexcept { return value_.get(); }
    T& emplace() { return *(value_ = std::make_unique<T>()); }
    void reset() noexcept { value_.reset(); }

    bool operator==(const Boxed& other) const {
        return value_ && other.value_ ? *value_ == *other.value_ : value_ == other.value_;
    }

  private:
    std::unique_ptr<T> value_;
};

}  // namespace syspulse
