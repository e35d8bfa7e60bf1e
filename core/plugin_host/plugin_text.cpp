#include "plugin_host/plugin_text.hpp"

#include <algorithm>
#include <system_error>

#include "base/utf8.hpp"
#include "plugin_host/foreign_struct.hpp"

namespace syspulse::plugin_host {
namespace {

// The system's own word for "you may not".
bool is_refusal(const sysp_error& error) {
    constexpr std::int32_t windows_access_denied = 5;
    constexpr std::int32_t windows_privilege_not_held = 1314;
    if (error.os_domain == SYSP_OS_WIN32)
        return error.os_code == windows_access_denied ||
               error.os_code == windows_privilege_not_held;
    const std::error_code cause(error.os_code, std::generic_category());
    return error.os_domain == SYSP_OS_ERRNO &&
           (cause == std::errc::permission_denied || cause == std::errc::operation_not_permitted);
}

}  // namespace

std::string safe_text(const char* text, std::size_t length, std::size_t limit) {
    if (text == nullptr) return {};
    const std::string_view all(text, std::min(length, limit));
    std::string safe;
    safe.reserve(all.size());
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t step = utf8_sequence_length(all.substr(at));
        const unsigned char lead = static_cast<unsigned char>(all[at]);
        if (step == 0) {
            safe += '?';
        } else if (lead < 0x20 || lead == 0x7F) {
            safe += ' ';
        } else {
            safe.append(all.substr(at, step));
        }
        at += std::max<std::size_t>(step, 1);
    }
    while (!safe.empty() && safe.back() == ' ') safe.pop_back();
    return safe;
}

std::string safe_message(const std::string& text) {
    return safe_text(text.data(), text.size(), message_limit);
}

ErrorCode code_of(sysp_status status) {
    switch (status) {
        case SYSP_E_INVALID:
        case SYSP_E_CONFIG:
            return ErrorCode::invalid_argument;
        case SYSP_E_NOT_FOUND:
            return ErrorCode::not_found;
        case SYSP_E_UNSUPPORTED:
            return ErrorCode::unsupported;
        case SYSP_E_BUSY:
        case SYSP_E_PLUGIN_LOST:
            return ErrorCode::unavailable;
        case SYSP_E_CANCELLED:
            return ErrorCode::cancelled;
        case SYSP_E_TIMEOUT:
            return ErrorCode::timed_out;
        case SYSP_E_DENIED:
            return ErrorCode::permission_denied;
        case SYSP_E_OS:
            return ErrorCode::failed;
        default:
            return ErrorCode::internal;
    }
}

std::string_view describe(sysp_status status) {
    switch (status) {
        case SYSP_E_INVALID:
            return "the plugin called the request invalid";
        case SYSP_E_CONFIG:
            return "the plugin refused its options";
        case SYSP_E_NOT_FOUND:
            return "not found";
        case SYSP_E_UNSUPPORTED:
            return "the plugin does not support it";
        case SYSP_E_BUSY:
            return "the plugin is busy";
        case SYSP_E_CANCELLED:
            return "cancelled";
        case SYSP_E_TIMEOUT:
            return "timed out";
        case SYSP_E_DENIED:
            return "permission denied";
        case SYSP_E_OS:
            return "the operating system refused";
        case SYSP_E_PLUGIN_LOST:
            return "the plugin is gone";
        default:
            return "the plugin failed without a message";
    }
}

Error error_of(const sysp_error& given, const std::function<std::string(const sysp_str&)>& text) {
    const auto known = known_part(&given);
    if (!known) return {ErrorCode::internal, "the plugin failed without a message"};
    const sysp_error& foreign = *known;
    const bool refused = foreign.code == SYSP_E_OS && is_refusal(foreign);
    Error error{refused ? ErrorCode::permission_denied : code_of(foreign.code),
                text(foreign.message)};
    if (!error.message.empty()) return error;
    if (foreign.os_domain == SYSP_OS_ERRNO) {
        error.message = std::error_code(foreign.os_code, std::generic_category()).message();
    } else {
        error.message = describe(foreign.code);
    }
    return error;
}

sysp_str borrow(const std::string& text) {
    return {text.data(), text.size()};
}

}  // namespace syspulse::plugin_host
