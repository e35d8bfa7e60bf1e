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
    // With a code of GetLastError(); the caller has put its text into the message.
    static Error win32(std::string message, std::int32_t code, bool retryable) {
        Error result{SYSP_E_OS, std::move(message)};
        result.os_code_ = code;
        result.os_domain_ = SYSP_OS_WIN32;
        if (retryable) result.flags_ = SYSP_ERR_RETRYABLE;
        return result;
    }
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

// Calls `function`; what it throws goes to `report`, and nothing gets out. False when it threw.
template <class Function, class Report>
bool report_thrown(Function&& function, Report&& report) noexcept {
    try {
        function();
        return true;
    } catch (...) {
        try {
            report(current_error());
        } catch (...) {
            try {
                // Memory ran out on the way; this message is short enough to need none.
                report(Error{SYSP_E_INTERNAL, "out of memory"});
            } catch (...) {  // Nothing is left to be said, and the host's deadline says the rest.
            }
        }
        return false;
    }
}

// Runs one vtable slot: whatever it throws becomes set_error() and a status, nothing leaves the
// plugin.
template <class Function>
sysp_status guard(const sysp_host* host, Function&& function) noexcept {
    sysp_status status = SYSP_E_INTERNAL;
    const bool good = report_thrown(std::forward<Function>(function), [&](const Error& error) {
        if (error.code() != SYSP_OK) status = error.code();
        const sysp_error raw = error.to_c();
        host->set_error(host, &raw);
    });
    return good ? SYSP_OK : status;
}

inline void log_error(const sysp_host* host, const Error& error) noexcept {
    const std::string_view text = error.what();
    host->log(host, SYSP_LOG_ERROR, text.data(), text.size());
}

// For slots that cannot fail: what is thrown is logged.
template <class Function>
void guard_quiet(const sysp_host* host, Function&& function) noexcept {
    report_thrown(std::forward<Function>(function),
                  [host](const Error& error) { log_error(host, error); });
}

}  // namespace detail
}  // namespace syspulse::sdk
