// The target of the check benchmark: accepts connections on PORT of every 127.0.0.0/8 address and
// closes them. Check number I connects to 127.1.(I / 250).(I % 250 + 1), so that each is told apart
// by the address it came to; how late each came after its predecessor plus INTERVAL_MS is kept. On
// SIGTERM one line of JSON is printed.
//
//   accept_all PORT CHECKS INTERVAL_MS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { hosts_per_net = 250, backlog = 4096 };

static volatile sig_atomic_t over;

static void on_term(int number) {
    (void)number;
    over = 1;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long check_of(int connection) {
    struct sockaddr_in to;
    socklen_t size = sizeof to;
    if (getsockname(connection, (struct sockaddr*)&to, &size) != 0) return -1;
    const unsigned address = ntohl(to.sin_addr.s_addr);
    return (long)(((address >> 8) & 255U) * hosts_per_net + (address & 255U)) - 1;
}

static int listen_on(int port) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (bind(listener, (struct sockaddr*)&at, sizeof at) != 0 || listen(listener, backlog) != 0) {
        perror("cannot listen");
        exit(1);
    }
    return listener;
}

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const long checks = atol(argv[2]);
    const double interval = atof(argv[3]);
    double* const last = calloc((size_t)checks, sizeof *last);
    const struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, NULL);
    const int listener = listen_on(atoi(argv[1]));
    long accepted = 0;
    long intervals = 0;
    long late = 0;
    double latest = 0;
    while (!over) {
        const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) continue;
        const double at = now_ms();
        const long check = check_of(connection);
        close(connection);
        if (check < 0 || check >= checks) continue;
        ++accepted;
        if (last[check] > 0) {
            const double lateness = at - last[check] - interval;
            ++intervals;
            late += lateness > 100;
            if (lateness > latest) latest = lateness;
        }
        last[check] = at;
    }
    printf("{\"accepted\": %ld, \"intervals\": %ld, \"late\": %ld, \"latest_ms\": %.2f}\n",
           accepted, intervals, late, latest);
    return 0;
}
