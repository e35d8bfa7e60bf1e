// What the files and pipes of the log capture share: descriptors, and errno as an Error. Only a
// full disk counts as `unavailable`, because the answer to that is to drop old logs.
#pragma once

#include <cerrno>
#include <string_view>

#include "platform/event_loop.hpp"
#include "platform/linux/linux_error.hpp"

namespace syspulse::platform {

inline int fd_of(NativeHandle handle) {
    return static_cast<int>(handle);
}

inline Error output_error(std::string_view what, int number) {
    Error error = os_error(what, number);
    if (error.code == ErrorCode::unavailable) error.code = ErrorCode::internal;
    if (number == ENOSPC || number == EDQUOT) error.code = ErrorCode::unavailable;
    if (number == ENOTDIR) error.code = ErrorCode::not_found;
    return error;
}

}  // namespace syspulse::platform
