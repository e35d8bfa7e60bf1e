// Programs that a driver must hold in check: load hog|spin|bomb|tree COUNT|hold MIB|read
// FILE|daemon.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

// Takes memory until it is stopped.
[[noreturn]] void hog() {
    constexpr std::size_t step = 1 << 20;
    for (;;) {
        void* taken =
            ::mmap(nullptr, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (taken == MAP_FAILED) ::_exit(3);
        std::memset(taken, 1, step);
    }
}

[[noreturn]] void spin() {
    // A loop without effects may be assumed to end.
    for (;;) asm volatile("");
}

// Every process forks without end and ignores what can be ignored.
[[noreturn]] void bomb() {
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    for (;;) {
        if (::fork() == 0) ::setsid();
        ::usleep(1000);
    }
}

// Says "ready" once `count` sleeping processes are there.
[[noreturn]] void tree(int count) {
    for (int i = 1; i < count; ++i) {
        const pid_t pid = ::fork();
        if (pid < 0) ::_exit(4);
        if (pid == 0) {
            ::setsid();
            for (;;) ::pause();
        }
    }
    std::puts("ready");
    std::fflush(stdout);
    for (;;) ::pause();
}

// Says "ready" once it holds that much memory, and goes on holding it.
[[noreturn]] void hold(std::size_t mebibytes) {
    const std::size_t size = mebibytes << 20;
    void* taken = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (taken == MAP_FAILED) ::_exit(3);
    std::memset(taken, 1, size);
    std::puts("ready");
    std::fflush(stdout);
    for (;;) ::pause();
}

// Reads a device without end and past all caches.
[[noreturn]] void read_device(const char* path) {
    constexpr std::size_t block = 64 << 10;
    alignas(4096) static char buffer[block];
    const int fd = ::open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0) ::_exit(5);
    for (;;) {
        const ssize_t got = ::read(fd, buffer, block);
        if (got < 0) ::_exit(6);
        if (got == 0) (void)::lseek(fd, 0, SEEK_SET);
    }
}

// Leaves a process behind that has left session, group and parent, and goes on itself.
[[noreturn]] void daemon_with_runaway() {
    ::signal(SIGTERM, SIG_IGN);
    if (::fork() == 0) {
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        for (;;) ::pause();
    }
    ::wait(nullptr);
    std::puts("ready");
    std::fflush(stdout);
    ::signal(SIGTERM, SIG_DFL);
    for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "hog") hog();
    if (what == "spin") spin();
    if (what == "bomb") bomb();
    if (what == "tree" && argc > 2) tree(std::atoi(argv[2]));
    if (what == "hold" && argc > 2) hold(static_cast<std::size_t>(std::atoi(argv[2])));
    if (what == "read" && argc > 2) read_device(argv[2]);
    if (what == "daemon") daemon_with_runaway();
    std::fputs("load hog|spin|bomb|tree COUNT|hold MIB|read FILE|daemon\n", stderr);
    return 2;
}
