#include "common/clone_into.hpp"

#include <signal.h>

#include <cerrno>
#include <cstdint>

namespace syspulse::plugins {

// The C library has no wrapper of clone3, and a plain system call cannot be used: parent and child
// would return through the same stack.
pid_t clone_into(int cgroup, int (*main)(void*), void* argument, std::byte* stack,
                 std::size_t stack_size, int flags, int& pidfd) {
#if defined(__x86_64__)
    struct Arguments {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        std::uint64_t set_tid, set_tid_size, cgroup;
    };
    constexpr std::uint64_t into_cgroup = 0x200000000;  // CLONE_INTO_CGROUP
    constexpr long clone3_number = 435;
    const Arguments arguments{static_cast<std::uint64_t>(flags & ~SIGCHLD) | into_cgroup,
                              reinterpret_cast<std::uintptr_t>(&pidfd),
                              0,
                              0,
                              SIGCHLD,
                              reinterpret_cast<std::uintptr_t>(stack),
                              stack_size,
                              0,
                              0,
                              0,
                              static_cast<std::uint64_t>(cgroup)};
    long result = clone3_number;
    // The child has an empty stack: it calls `main`, which does not return.
    asm volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %[argument], %%rdi\n\t"
        "call *%[main]\n\t"
        "ud2\n"
        "1:"
        : "+a"(result)
        : "D"(&arguments), "S"(sizeof arguments), [main] "r"(main), [argument] "r"(argument)
        : "rcx", "r11", "memory", "cc");
    if (result >= 0) return static_cast<pid_t>(result);
    errno = static_cast<int>(-result);
#else
    (void)cgroup, (void)main, (void)argument, (void)stack, (void)stack_size, (void)flags,
        (void)pidfd;
    errno = ENOSYS;
#endif
    return -1;
}

}  // namespace syspulse::plugins
