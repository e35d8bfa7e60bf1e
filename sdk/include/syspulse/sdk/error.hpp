// Errors of the C++ layer: one exception type that carries exactly what sysp_error can say.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "../plugin.h"

namespace syspulse::sdk {

inline sysp_str view(std::string_view text) noexcept {
    return {text.data(), text.size()};
}
inline std::string_view text_of(sysp_str value) noexcept {
    return value.ptr != nullptr ? std::string_view{value.ptr, value.len} : std::string_view{};
}

// Thrown by plugin code; the guards below turn it into a sysp_error at the ABI.
class Error : public std::exception {
  public:
    Error(sysp_status code, std::string message) : code_(code), message_(std::move(message)) {}

    // "WHAT: <text of the errno>HINT"; transient resource shortage is marked as worth a retry.
    static Error os(const std::string& what, int error, const std::string& hint = {}) {
        Error result{SYSP_E_OS, what + ": " + std::strerror(error) + hint};
        result.os_code_ = error;
        result.os_domain_ = SYSP_OS_ERRNO;
        if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) {
            result.flags_ = SYSP_ERR_RETRYABLE;
        }
        return result;
    }
    static Error os(const std::string& what) { return os(what, errno); }
    static Error cancelled() { return {SYSP_E_CANCELLED, "cancelled"}; }

    const char* what() const noexcept override { return message_.c_str(); }
    sysp_status code() const noexcept { return code_; }
    int os_code() const noexcept { return os_code_; }

    // Borrows the message: valid as long as this object.
    sysp_error to_c() const noexcept {
        sysp_error error{};
        error.size = sizeof error;
        error.code = code_;
        error.flags = flags_;
        error.os_domain = os_domain_;
        error.os_code = os_code_;
        error.message = view(message_);
        return error;
    }

  private:
    sysp_status code_;
    std::uint32_t flags_ = 0;
    std::uint32_t os_domain_ = SYSP_OS_NONE;
    std::int32_t os_code_ = 0;
    std::string message_;
};

namespace detail {

// Turns the exception in flight into an Error. Call it from a catch block only.
inline Error current_error() {
    try {
        throw;
    } catch (const Error& error) {
        return error;
    } catch (const std::exception& error) {
        return {SYSP_E_INTERNAL, error.what()};
    } catch (...) {
        return {SYSP_E_INTERNAL, "unknown exception"};
    }
}

// Runs one vtable slot: whatever it throws becomes set_error() and a status, nothing leaves the
// plugin.
template <class Function>
sysp_status guard(const sysp_host* host, Function&& function) noexcept {
    try {
        function();
        return SYSP_OK;
    } catch (...) {
        try {
            const Error error = current_error();
            const sysp_error raw = error.to_c();
            host->set_error(host, &raw);
            return error.code() == SYSP_OK ? SYSP_E_INTERNAL : error.code();
        } catch (...) {  // No memory left for the message.
            return SYSP_E_INTERNAL;
        }
    }
}

}  // namespace detail
}  // namespace syspulse::sdk
