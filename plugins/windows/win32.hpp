// What the plugins for Windows share: its headers in the order that works, handles with an owner,
// and text.
#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>

#include <windows.h>

#include <syspulse/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace syspulse::plugins::windows {

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
    ~UniqueHandle() { reset(); }

    HANDLE get() const noexcept { return handle_; }
    explicit operator bool() const noexcept {
        return handle_ != nullptr && handle_ != INVALID_HANDLE_VALUE;
    }
    HANDLE release() noexcept { return std::exchange(handle_, nullptr); }
    void reset(HANDLE handle = nullptr) noexcept {
        if (*this) ::CloseHandle(handle_);
        handle_ = handle;
    }

  private:
    HANDLE handle_ = nullptr;
};

inline HANDLE handle_of(sysp_handle handle) noexcept {
    return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(handle));
}
inline sysp_handle native_of(HANDLE handle) noexcept {
    return static_cast<sysp_handle>(reinterpret_cast<std::intptr_t>(handle));
}

std::wstring to_wide(std::string_view text);
std::string to_utf8(std::wstring_view text);

// "WHAT: <text of the code>" with the code as os_code.
sdk::Error win32_error(const std::string& what, DWORD code);

}  // namespace syspulse::plugins::windows
