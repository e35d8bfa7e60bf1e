// What a child gives up before exec: privileges, and sight of parts of the file system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace syspulse::plugins {

// Paths are borrowed.
struct Confinement {
    bool no_new_privs = false;
    bool private_tmp = false;                        // Empty /tmp and /var/tmp of its own.
    int umask = -1;                                  // -1: keep the parent's.
    std::uint64_t capabilities = ~std::uint64_t{0};  // Bits that stay in the bounding set.
    std::vector<const char*> read_only;              // Paths below which nothing can be written.

    bool needs_mounts() const { return private_tmp || !read_only.empty(); }
};

// A mount below `path` that would stay writable if `path` became read-only, because the kernel is
// older than Linux 5.12; for the parent, before it starts a child.
std::optional<std::string> unprotected_below(const std::string& path);

// Confines the calling process for good. System calls only, so that it may run between clone and
// exec. False, with errno set, when something could not be done.
bool confine_self(const Confinement& confinement);

}  // namespace syspulse::plugins
