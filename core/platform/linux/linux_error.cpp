#include "platform/linux/linux_error.hpp"

#include <string>
#include <system_error>

namespace syspulse::platform {
namespace {

ErrorCode code_of(int number) {
    switch (number) {
        case EACCES:
        case EPERM:
        case EROFS:
            return ErrorCode::permission_denied;
        case ENOENT:
        case ESRCH:
            return ErrorCode::not_found;
        case EEXIST:
            return ErrorCode::already_exists;
        case EINVAL:
        case ENAMETOOLONG:
            return ErrorCode::invalid_argument;
        case ENOSYS:
        case EOPNOTSUPP:
            return ErrorCode::unsupported;
        case EAGAIN:
        case EMFILE:
        case ENFILE:
        case ENOSPC:
            return ErrorCode::unavailable;
        default:
            return ErrorCode::internal;
    }
}

}  // namespace

Error os_error(std::string_view what, int number) {
    const std::string cause = std::error_code(number, std::generic_category()).message();
    return Error{code_of(number), cause}.with(what);
}

}  // namespace syspulse::platform
