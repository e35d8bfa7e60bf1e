// The headers of Windows, in the one order that works: Winsock 2 has to come before windows.h. For
// the inside of core/platform/windows. WIN32_LEAN_AND_MEAN, NOMINMAX and UNICODE are set by the
// toolchain file.
#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>

#include <windows.h>

#include <cstdint>
#include <utility>

#include "platform/event_loop.hpp"

namespace syspulse::platform {

inline HANDLE handle_of(NativeHandle handle) noexcept {
    return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(handle));
}
inline NativeHandle native_of(HANDLE handle) noexcept {
    return static_cast<NativeHandle>(reinterpret_cast<std::intptr_t>(handle));
}

// Owns one handle. Windows has two words for none, depending on the function; both are none here.
class UniqueHandle {
  public:
    UniqueHandle() noexcept = default;
    explicit UniqueHandle(HANDLE handle) noexcept : handle_(handle) {}
    UniqueHandle(UniqueHandle&& other) noexcept : handle_(other.release()) {}
    UniqueHandle& operator=(UniqueHandle&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueHandle(const UniqueHandle&) = delete;
    UniqueHandle& operator=(const UniqueHandle&) = delete;
    ~UniqueHandle() { reset(); }

    HANDLE get() const noexcept { return handle_; }
    explicit operator bool() const noexcept {
        return handle_ != nullptr && handle_ != INVALID_HANDLE_VALUE;
    }
    [[nodiscard]] HANDLE release() noexcept { return std::exchange(handle_, nullptr); }
    void reset(HANDLE handle = nullptr) noexcept {
        if (*this) ::CloseHandle(handle_);
        handle_ = handle;
    }

  private:
    HANDLE handle_ = nullptr;
};

}  // namespace syspulse::platform
