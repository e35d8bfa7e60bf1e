// A handle of the operating system (a file descriptor, a Windows HANDLE) that is closed with its
// owner.
#pragma once

#include <utility>

#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::platform {

void close_handle(NativeHandle handle) noexcept;

class OwnedHandle {
  public:
    OwnedHandle() noexcept = default;
    explicit OwnedHandle(NativeHandle handle) noexcept : handle_(handle) {}
    OwnedHandle(OwnedHandle&& other) noexcept : handle_(other.release()) {}
    OwnedHandle& operator=(OwnedHandle&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    OwnedHandle(const OwnedHandle&) = delete;
    OwnedHandle& operator=(const OwnedHandle&) = delete;
    ~OwnedHandle() { reset(); }

    NativeHandle get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != no_handle; }
    [[nodiscard]] NativeHandle release() noexcept { return std::exchange(handle_, no_handle); }
    void reset(NativeHandle handle = no_handle) noexcept {
        if (handle_ != no_handle) close_handle(handle_);
        handle_ = handle;
    }

  private:
    NativeHandle handle_ = no_handle;
};

// Another handle to the same thing, not inherited by children.
Result<OwnedHandle> duplicate_handle(NativeHandle handle);

}  // namespace syspulse::platform
