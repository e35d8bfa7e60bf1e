#include "base/error.hpp"

namespace syspulse {

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::already_exists:
            return "already_exists";
        case ErrorCode::invalid_state:
            return "invalid_state";
        case ErrorCode::permission_denied:
            return "permission_denied";
        case ErrorCode::timed_out:
            return "timed_out";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::corrupt:
            return "corrupt";
        case ErrorCode::cancelled:
            return "cancelled";
        case ErrorCode::failed:
            return "failed";
        case ErrorCode::internal:
            return "internal";
    }
    return "unknown";
}

}  // namespace syspulse
