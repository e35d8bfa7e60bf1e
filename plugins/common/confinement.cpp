#include "common/confinement.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace syspulse::plugins {
namespace {

constexpr int mount_setattr_number = 442;

// Before Linux 5.12 only the mount itself can be changed, not those below it; and what is not
// asked for again is lost.
bool remount_read_only(const char* path) {
    struct Kept {
        unsigned long in_statfs, in_mount;
    };
    constexpr Kept kept[] = {{2, MS_NOSUID},     {4, MS_NODEV},         {8, MS_NOEXEC},
                             {1024, MS_NOATIME}, {2048, MS_NODIRATIME}, {4096, MS_RELATIME}};
    struct statfs now {};
    if (::statfs(path, &now) != 0) return false;
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
    for (const Kept& flag : kept) {
        if ((static_cast<unsigned long>(now.f_flags) & flag.in_statfs) != 0) flags |= flag.in_mount;
    }
    return ::mount(nullptr, path, nullptr, flags, nullptr) == 0;
}

bool make_read_only(const char* path) {
    struct Attributes {
        std::uint64_t set, clear, propagation, user_namespace;
    };
    constexpr unsigned long recursive_bind = MS_BIND | MS_REC;
    if (::mount(path, path, nullptr, recursive_bind, nullptr) != 0) return false;
    const Attributes attributes{1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0};
    constexpr unsigned recursive = 0x8000;  // AT_RECURSIVE
    if (::syscall(mount_setattr_number, AT_FDCWD, path, recursive, &attributes,
                  sizeof attributes) == 0)
        return true;
    return errno == ENOSYS && remount_read_only(path);
}

// The fifth word, as proc(5) counts.
std::string mount_point(std::string_view line) {
    for (int skipped = 0; skipped < 4; ++skipped)
        line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
    return std::string(line.substr(0, line.find(' ')));
}

// As mountinfo writes it: a blank is \040.
std::string unescaped(const std::string& text) {
    constexpr std::size_t digits = 3;
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            result += text[i];
            continue;
        }
        result += static_cast<char>(std::strtol(text.substr(i + 1, digits).c_str(), nullptr, 8));
        i += digits;
    }
    return result;
}

bool arrange_mounts(const Confinement& confinement) {
    if (!confinement.needs_mounts()) return true;
    constexpr unsigned long no_way_back = MS_REC | MS_SLAVE;
    if (::unshare(CLONE_NEWNS) != 0) return false;
    if (::mount(nullptr, "/", nullptr, no_way_back, nullptr) != 0) return false;
    for (const char* path : confinement.read_only) {
        if (!make_read_only(path)) return false;
    }
    if (!confinement.private_tmp) return true;
    constexpr unsigned long flags = MS_NOSUID | MS_NODEV;
    for (const char* path : {"/tmp", "/var/tmp"}) {
        if (::mount("tmpfs", path, "tmpfs", flags, "mode=1777") != 0 && errno != ENOENT)
            return false;
    }
    return true;
}

bool drop_capabilities(const Confinement& confinement) {
    constexpr int most = 63;
    for (int capability = 0; capability <= most; ++capability) {
        if (((confinement.capabilities >> capability) & 1) != 0) continue;
        if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
    }
    return true;
}

}  // namespace

std::optional<std::string> unprotected_below(const std::string& path) {
    // The kernel has the call when it finds its arguments wrong.
    if (::syscall(mount_setattr_number, -1, "", 0, nullptr, 0) == 0 || errno != ENOSYS)
        return std::nullopt;
    const std::unique_ptr<char, void (*)(void*)> real{::realpath(path.c_str(), nullptr),
                                                      &std::free};
    if (!real) return std::nullopt;
    std::string above = real.get();
    if (above.back() != '/') above += '/';
    // Not by streams, whose locales would make a plugin with a C++ library of its own three times
    // as large.
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> mounts{
        std::fopen("/proc/self/mountinfo", "re"), &std::fclose};
    std::optional<std::string> found;
    char* line = nullptr;
    std::size_t capacity = 0;
    while (mounts && !found && ::getline(&line, &capacity, mounts.get()) > 0) {
        const std::string point = unescaped(mount_point(line));
        if (point.size() > above.size() && point.compare(0, above.size(), above) == 0)
            found = point;
    }
    std::free(line);
    return found;
}

bool confine_self(const Confinement& confinement) {
    if (!arrange_mounts(confinement) || !drop_capabilities(confinement)) return false;
    if (confinement.umask >= 0) ::umask(static_cast<mode_t>(confinement.umask));
    return !confinement.no_new_privs || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

}  // namespace syspulse::plugins
