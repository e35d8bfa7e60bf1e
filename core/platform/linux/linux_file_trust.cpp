// File modes and owners as the measure of who could have written a file.
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <system_error>

#include "platform/file_trust.hpp"
#include "platform/linux/linux_error.hpp"
#include "platform/this_process.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;

// The owner of whatever belongs to nobody in this user namespace, such as / in a rootless
// container. No user here can act as it.
constexpr uid_t outside_user = 65534;

Error distrust(std::string why) {
    return Error{ErrorCode::permission_denied, std::move(why)};
}

bool foreign(uid_t owner) {
    return owner != 0 && owner != ::geteuid();
}

Result<void> check_owner(const struct stat& status) {
    if (!foreign(status.st_uid)) return {};
    return distrust("it belongs to user " + std::to_string(status.st_uid) +
                    ", expected root or user " + std::to_string(::geteuid()) +
                    "; change its owner");
}

// In a directory with the sticky bit only the owner of a file can replace it.
bool others_may_replace_in(const struct stat& directory) {
    return (directory.st_mode & S_IWOTH) != 0 && (directory.st_mode & S_ISVTX) == 0;
}

bool group_may_replace_in(const struct stat& directory) {
    return (directory.st_mode & S_IWGRP) != 0 && (directory.st_mode & S_ISVTX) == 0;
}

// Such a group can do nothing more in a directory of plugins. Debian's /usr/local belongs to one,
// and so does all that is built with a umask of 002.
bool group_may_replace_program(gid_t group) {
    fs::path at = program_path();
    struct stat status {};
    while (at.has_relative_path()) {
        at = at.parent_path();
        if (::stat(at.c_str(), &status) != 0) continue;
        if (status.st_gid == group && group_may_replace_in(status)) return true;
    }
    return false;
}

// Calls check(status) for each directory above `path`, which is absolute and free of links.
template <typename Check>
Result<void> check_directories(const fs::path& path, Check check) {
    fs::path directory = path;
    do {
        directory = directory.parent_path();
        struct stat status {};
        const std::string what = "its directory " + directory.string();
        if (::stat(directory.c_str(), &status) != 0) return os_error("cannot look at " + what);
        if (auto checked = check(status); !checked) return checked.error().with(what);
    } while (directory.has_relative_path());
    return {};
}

Result<void> check_trusted_directory(const struct stat& status) {
    if (status.st_uid != outside_user) {
        if (auto owned = check_owner(status); !owned) return owned;
    }
    const bool group_may =
        group_may_replace_in(status) && !group_may_replace_program(status.st_gid);
    if (!others_may_replace_in(status) && !group_may) return {};
    return distrust("group or others may replace files in it; run chmod go-w on it");
}

Result<void> check_trusted_file(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return os_error(std::string("cannot look at it"));
    if (!S_ISREG(status.st_mode)) return Error{ErrorCode::invalid_argument, "not a regular file"};
    if (auto owned = check_owner(status); !owned) return owned;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return distrust("group or others may write it; run chmod go-w on it");
    }
    return check_directories(path, check_trusted_directory);
}

}  // namespace

Result<fs::path> trusted_file(const fs::path& file) {
    const std::string what = "cannot trust " + file.string();
    std::error_code failure;
    fs::path path = fs::canonical(file, failure);
    if (failure) return os_error("cannot read " + file.string(), failure.value());
    if (auto trusted = check_trusted_file(path); !trusted) return trusted.error().with(what);
    return path;
}

Result<void> check_spec_file(const fs::path& file) {
    std::error_code failure;
    const fs::path path = fs::canonical(file, failure);
    struct stat status {};
    // Pipes and terminals are what `-f <(generate)` gives.
    if (failure || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    if ((status.st_mode & S_IWOTH) != 0) {
        return distrust("everybody may write it; run chmod o-w on it");
    }
    return check_directories(path, [](const struct stat& directory) -> Result<void> {
        if (!others_may_replace_in(directory)) return {};
        return distrust("everybody may replace files in it; run chmod o-w on it");
    });
}

std::uint64_t file_stamp(const std::filesystem::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return 0;
    constexpr std::uint64_t mixing_prime = 1'099'511'628'211ULL;
    std::uint64_t stamp = 1;
    for (const std::uint64_t part :
         {static_cast<std::uint64_t>(status.st_ino), static_cast<std::uint64_t>(status.st_size),
          static_cast<std::uint64_t>(status.st_mtim.tv_sec),
          static_cast<std::uint64_t>(status.st_mtim.tv_nsec)}) {
        stamp = (stamp ^ part) * mixing_prime;
    }
    return stamp | 1;
}

}  // namespace syspulse::platform
