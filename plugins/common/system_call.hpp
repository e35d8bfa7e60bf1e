// System calls that touch nothing but registers. A child that runs on its parent's memory beside it
// has the parent's thread-local storage too, so that errno would be the parent's.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <type_traits>

// Where only the C library can make a call, a child may not run beside its parent.
#if defined(__x86_64__) || defined(__aarch64__)
#define SYSPULSE_BARE_SYSTEM_CALLS 1
#else
#define SYSPULSE_BARE_SYSTEM_CALLS 0
#endif

namespace syspulse::plugins {
namespace detail {

template <class T>
[[gnu::always_inline]] inline long to_register(T value) {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<long>(value);
    } else if constexpr (std::is_null_pointer_v<T>) {
        return 0;
    } else {
        return static_cast<long>(value);
    }
}

[[gnu::always_inline]] inline long call_kernel(long number, long a, long b, long c, long d,
                                               long e) {
#if defined(__x86_64__)
    long result = number;
    register long fourth asm("r10") = d;
    register long fifth asm("r8") = e;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                 : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long call asm("x8") = number;
    register long first asm("x0") = a;
    register long second asm("x1") = b;
    register long third asm("x2") = c;
    register long fourth asm("x3") = d;
    register long fifth asm("x4") = e;
    asm volatile("svc #0"
                 : "+r"(first)
                 : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
                 : "memory");
    return first;
#else
    const long result = ::syscall(number, a, b, c, d, e);
    return result < 0 ? -errno : result;
#endif
}

}  // namespace detail

// Of at most five arguments. Returns what the kernel does: a negative errno is a failure.
template <class... Arguments>
[[gnu::always_inline]] inline long system_call(long number, Arguments... arguments) {
    constexpr std::size_t most = 5;
    static_assert(sizeof...(Arguments) <= most);
    const long given[most] = {detail::to_register(arguments)...};
    return detail::call_kernel(number, given[0], given[1], given[2], given[3], given[4]);
}

}  // namespace syspulse::plugins
