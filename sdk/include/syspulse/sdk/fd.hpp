// POSIX file descriptors that close themselves. Declare one before the Watch that watches it.
#pragma once

#if !defined(_WIN32)
#include <unistd.h>

#include <utility>

namespace syspulse::sdk {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int owned) noexcept : number_(owned) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.number_, -1));
        return *this;
    }
    ~Fd() { reset(); }

    int get() const noexcept { return number_; }
    explicit operator bool() const noexcept { return number_ >= 0; }
    void reset(int owned = -1) noexcept {
        if (number_ >= 0) ::close(number_);
        number_ = owned;
    }

  private:
    int number_ = -1;
};

}  // namespace syspulse::sdk
#endif
