#include "common/confinement.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace syspulse::plugins {
namespace {

bool make_read_only(const char* path) {
    struct Attributes {
        std::uint64_t set, clear, propagation, user_namespace;
    };
    constexpr unsigned long recursive_bind = MS_BIND | MS_REC;
    if (::mount(path, path, nullptr, recursive_bind, nullptr) != 0) return false;
    const Attributes attributes{1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0};
    constexpr int mount_setattr_number = 442;
    constexpr unsigned recursive = 0x8000;  // AT_RECURSIVE
    if (::syscall(mount_setattr_number, AT_FDCWD, path, recursive, &attributes,
                  sizeof attributes) == 0)
        return true;
    // Before Linux 5.12 only the mount itself can be changed, not those below it.
    constexpr unsigned long remount = MS_REMOUNT | MS_BIND | MS_RDONLY;
    return ::mount(nullptr, path, nullptr, remount, nullptr) == 0;
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

bool confine_self(const Confinement& confinement) {
    if (!arrange_mounts(confinement) || !drop_capabilities(confinement)) return false;
    if (confinement.umask >= 0) ::umask(static_cast<mode_t>(confinement.umask));
    return !confinement.no_new_privs || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

}  // namespace syspulse::plugins
