// What the kernel allows at best: one process, N children, a pidfd of each in one epoll set, and a
// restart in the loop without any policy, log, record or interface. SIGTERM ends all and itself.
//
//   bare_limit SERVICE FILE COUNT MODE
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { stack_bytes = 16 * 1024, events_per_turn = 64 };

static char* program;
static char** arguments;
static int* pidfds;
static int epoll_fd;
static volatile sig_atomic_t over;

static void on_term(int number) {
    (void)number;
    over = 1;
}

static int child(void* argument) {
    char* const argv[] = {program, argument, NULL};
    execve(program, argv, environ);
    _exit(127);
}

static void start(unsigned index) {
    static char stack[stack_bytes] __attribute__((aligned(16)));
    int pidfd = -1;
    const pid_t pid =
        clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
              arguments[index], &pidfd);
    if (pid < 0) {
        perror("cannot start the service");
        exit(1);
    }
    pidfds[index] = pidfd;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pidfd, &event);
}

static void restart_if_ended(unsigned index) {
    siginfo_t info = {0};
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfds[index], &info, WEXITED | WNOHANG) != 0) return;
    if (info.si_pid == 0) return;
    close(pidfds[index]);
    start(index);
}

static void stop_all(unsigned count) {
    siginfo_t info;
    for (unsigned i = 0; i < count; ++i) {
        syscall(SYS_pidfd_send_signal, pidfds[i], SIGTERM, NULL, 0);
    }
    for (unsigned i = 0; i < count; ++i) {
        waitid((idtype_t)P_PIDFD, (id_t)pidfds[i], &info, WEXITED);
    }
}

int main(int argc, char** argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s SERVICE FILE COUNT MODE\n", argv[0]);
        return 2;
    }
    program = argv[1];
    const unsigned count = (unsigned)atoi(argv[3]);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    pidfds = calloc(count, sizeof *pidfds);
    arguments = calloc(count, sizeof *arguments);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; ++i) {
        if (asprintf(&arguments[i], "%s:%u:%s", argv[2], i, argv[4]) < 0) return 1;
    }
    for (unsigned i = 0; i < count; ++i) start(i);
    const struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, NULL);
    struct epoll_event events[events_per_turn];
    while (!over) {
        const int ready = epoll_wait(epoll_fd, events, events_per_turn, -1);
        for (int i = 0; i < ready; ++i) restart_if_ended(events[i].data.u32);
    }
    stop_all(count);
    return 0;
}
