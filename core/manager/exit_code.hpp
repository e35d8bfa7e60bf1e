// The exit codes of the manager's own failures, as CONTRACT gives them to every command.
#pragma once

#include "base/error.hpp"

namespace syspulse::manager {

constexpr int exit_code_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::invalid_argument:
            return 2;
        case ErrorCode::already_exists:
        case ErrorCode::invalid_state:
            return 5;
        case ErrorCode::timed_out:
            return 6;
        case ErrorCode::permission_denied:
            return 7;
        case ErrorCode::not_found:
        case ErrorCode::unavailable:
        case ErrorCode::unsupported:
        case ErrorCode::corrupt:
        case ErrorCode::cancelled:
        case ErrorCode::internal:
            return 1;
    }
    return 1;
}

}  // namespace syspulse::manager
