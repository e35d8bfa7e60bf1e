// The service that every supervisor runs in the benchmarks. Its first act is to take the monotonic
// time and to write it into a shared file; then it pauses, or exits at once. It is built without a
// C library, so that each supervisor is charged the same smallest possible start of a program, and
// it can be the interpreter of a run script, so that no shell is in between.
//
//   stamped_service FILE:INDEX:MODE    MODE p: pause; x: exit(1); t: pause and ignore SIGTERM
//
// FILE begins with the number of starts (u64); slot INDEX follows at 64 + 32 * INDEX.
#include <stdint.h>
#include <sys/syscall.h>

struct slot {
    uint64_t started_ns;
    uint32_t pid;
    uint32_t starts;
    uint64_t reserved[2];
};

enum { header_bytes = 64, page_bytes = 4096, flags_rw_cloexec = 02000002 };

static long system_call(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static long call(long number, long a, long b, long c) {
    return system_call(number, a, b, c, 0, 0, 0);
}

static _Noreturn void leave(int code) {
    for (;;) call(SYS_exit_group, code, 0, 0);
}

static char* map(long fd, unsigned long offset, long bytes) {
    const unsigned long at = (unsigned long)system_call(SYS_mmap, 0, bytes, 3, 1, fd, (long)offset);
    if (at > -4096UL) leave(4);
    return (char*)at;
}

__attribute__((used)) void run(const long* stack) {
    struct {
        long seconds, nanoseconds;
    } now;
    call(SYS_clock_gettime, 1, (long)&now, 0);
    if (stack[0] < 2) leave(2);
    char* at = (char*)stack[2];
    char* const file = at;
    while (*at != 0 && *at != ':') ++at;
    if (*at != 0) *at++ = 0;
    unsigned long index = 0;
    while (*at >= '0' && *at <= '9') index = index * 10 + (unsigned long)(*at++ - '0');
    const char mode = *at == ':' ? at[1] : 'p';

    const long fd = call(SYS_open, (long)file, flags_rw_cloexec, 0);
    if (fd < 0) leave(3);
    const unsigned long offset = header_bytes + index * sizeof(struct slot);
    const unsigned long page = offset & ~(unsigned long)(page_bytes - 1);
    char* const mapped = map(fd, page, 2 * page_bytes);
    char* const head = page == 0 ? mapped : map(fd, 0, page_bytes);
    struct slot* const mine = (struct slot*)(mapped + (offset - page));
    mine->pid = (uint32_t)call(SYS_getpid, 0, 0, 0);
    mine->starts++;
    __atomic_store_n(&mine->started_ns,
                     (uint64_t)now.seconds * 1000000000ULL + (uint64_t)now.nanoseconds,
                     __ATOMIC_RELEASE);
    __atomic_fetch_add((uint64_t*)head, 1, __ATOMIC_SEQ_CST);
    if (mode == 'x') leave(1);

    call(SYS_munmap, (long)mapped, 2 * page_bytes, 0);
    if (head != mapped) call(SYS_munmap, (long)head, page_bytes, 0);
    call(SYS_close, fd, 0, 0);
    if (mode == 't') {
        const long ignore[4] = {1, 0, 0, 0};
        system_call(SYS_rt_sigaction, 15, (long)ignore, 0, 8, 0, 0);
    }
    for (;;) call(SYS_pause, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n mov %rsp,%rdi\n and $-16,%rsp\n call run\n");
