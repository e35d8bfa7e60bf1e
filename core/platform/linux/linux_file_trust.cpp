#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>

#include "platform/file_trust.hpp"
#include "platform/linux/linux_error.hpp"

namespace syspulse::platform {

Result<std::filesystem::path> trusted_file(const std::filesystem::path& file) {
    const std::string what = "cannot trust " + file.string();
    std::error_code failure;
    const std::filesystem::path path = std::filesystem::canonical(file, failure);
    if (failure) return os_error(what, failure.value());
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return os_error(what);
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorCode::invalid_argument, "not a regular file"}.with(what);
    }
    if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
        return Error{ErrorCode::permission_denied,
                     "it belongs to user " + std::to_string(status.st_uid) +
                         ", expected root or user " + std::to_string(::geteuid()) +
                         "; change its owner"}
            .with(what);
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return Error{ErrorCode::permission_denied,
                     "group or others may write it; run chmod go-w on it"}
            .with(what);
    }
    return path;
}

std::int64_t own_process_id() {
    return ::getpid();
}

}  // namespace syspulse::platform
