// Programs that a driver must hold in check: load hog|spin|bomb|tree COUNT|daemon.
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
    if (what == "daemon") daemon_with_runaway();
    std::fputs("load hog|spin|bomb|tree COUNT|daemon\n", stderr);
    return 2;
}
