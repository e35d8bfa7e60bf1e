/* A daemon for the chaos test: takes a lock file, so that a second copy of it gives itself away,
 * and writes numbered lines.
 *
 *   chaos_worker LOCK STARTS steady LINES_PER_SECOND    writes 0, 1, 2, ... until it is stopped
 *   chaos_worker LOCK STARTS crashing MILLISECONDS      ends with a code that it notes in STARTS
 *
 * STARTS gets a line "start PID MS", or "twice PID MS" when the lock is held; a crashing one adds
 * "exit PID MS CODE" right before it ends. MS is CLOCK_MONOTONIC.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static void note(const char* file, const char* text) {
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) _exit(101);
    close(fd);
}

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void pause_ns(long ns) {
    struct timespec length = {ns / 1000000000L, ns % 1000000000L};
    nanosleep(&length, NULL);
}

int main(int argc, char** argv) {
    char line[64];
    if (argc != 5) return 100;
    int lock = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int held = lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0;
    snprintf(line, sizeof line, "%s %d %lld\n", held ? "twice" : "start", (int)getpid(), now_ms());
    note(argv[2], line);
    if (held) return 102;
    long pace = atol(argv[4]);
    if (strcmp(argv[3], "crashing") == 0) {
        pause_ns(pace * 1000000L);
        int code = 1 + (int)getpid() % 90;
        snprintf(line, sizeof line, "exit %d %lld %d\n", (int)getpid(), now_ms(), code);
        note(argv[2], line);
        return code;
    }
    for (unsigned long number = 0;; ++number) {
        int size = snprintf(line, sizeof line, "%lu\n", number);
        if (write(1, line, (size_t)size) != size) return 103;
        pause_ns(1000000000L / pace);
    }
}
