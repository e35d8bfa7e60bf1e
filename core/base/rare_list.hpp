// A list that is mostly empty: empty it takes one pointer, where std::vector takes three.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/boxed.hpp"

namespace syspulse {

template <class T>
class RareList {
  public:
    RareList() = default;
    RareList(std::vector<T> items) {  // NOLINT: it is one.
        if (!items.empty()) items_ = Boxed<std::vector<T>>(std::move(items));
    }
    RareList(std::initializer_list<T> items) : RareList(std::vector<T>(items)) {}

    bool empty() const noexcept { return !items_; }
    void push_back(T item) {
        if (!items_) items_.emplace();
        items_->push_back(std::move(item));
    }
    const std::vector<T>& items() const noexcept {
        static const std::vector<T> none;
        return items_ ? *items_ : none;
    }
    operator const std::vector<T>&() const noexcept { return items(); }  // NOLINT: likewise.
    std::size_t size() const noexcept { return items_ ? items_->size() : 0; }
    const T* begin() const noexcept { return items_ ? items_->data() : nullptr; }
    const T* end() const noexcept { return begin() + size(); }
    const T& operator[](std::size_t at) const noexcept { return begin()[at]; }

    bool operator==(const RareList&) const = default;

  private:
    Boxed<std::vector<T>> items_;  // Absent rather than empty.
};

}  // namespace syspulse
