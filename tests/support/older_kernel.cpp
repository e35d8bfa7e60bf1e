// Linked into a test of the driver `cgroup`, lets it meet a kernel before 5.7: no
// CLONE_INTO_CGROUP, no mount_setattr, no cgroup.kill.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "support/leftovers.hpp"

namespace {

constexpr std::uint32_t clone3_number = 435;
constexpr std::uint32_t mount_setattr_number = 442;
std::atomic<int> hidden_looks{0};

bool is_hidden(const char* path) {
    constexpr std::string_view file = "/cgroup.kill";
    const std::string_view text{path};
    if (text.size() < file.size() || text.substr(text.size() - file.size()) != file) return false;
    ++hidden_looks;
    errno = ENOENT;
    return true;
}

// The kernel says that it has no such calls. For this process and its children, for good.
bool refuse_newer_calls() {
    const std::array<sock_filter, 5> program{
        sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, mount_setattr_number},
        sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, clone3_number},
        sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
        sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    const sock_fprog filter{program.size(), const_cast<sock_filter*>(program.data())};
    if (::geteuid() != 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

class OlderKernel : public ::testing::Environment {
    void SetUp() override {
        ASSERT_TRUE(refuse_newer_calls());
        ASSERT_EQ(::syscall(clone3_number, nullptr, 0), -1);
        ASSERT_EQ(errno, ENOSYS);
    }
    // Where version 1 tells who belongs to a run, nobody asks for the file.
    void TearDown() override {
        const bool unified = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ||
                             ::access("/sys/fs/cgroup/unified/cgroup.controllers", F_OK) == 0;
        if (unified) {
            EXPECT_GT(hidden_looks, 0) << "the driver did not look for cgroup.kill";
        }
    }
};

const auto* const older_kernel = ::testing::AddGlobalTestEnvironment(new OlderKernel);

template <class Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Exported by the program, and so what its plugins find under these names.
extern "C" __attribute__((visibility("default"))) int open(const char* path, int flags, ...) {
    if (is_hidden(path)) return -1;
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = va_arg(arguments, unsigned);
    va_end(arguments);
    static const auto real = next<int (*)(const char*, int, ...)>("open");
    return real(path, flags, mode);
}
