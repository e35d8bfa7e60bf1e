// Runs a command COUNT times, one after the other, with its output thrown away, and prints how many
// milliseconds each took. A command that fails is reported on stderr at the end.
//
//   run_repeatedly COUNT COMMAND ARGUMENT...
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const int count = atoi(argv[1]);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int failed = 0;
    for (int i = 0; i < count; ++i) {
        const double begin = now_ms();
        const pid_t pid = vfork();
        if (pid == 0) {
            dup2(null, 0);
            dup2(null, 1);
            dup2(null, 2);
            execvp(argv[2], argv + 2);
            _exit(127);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        failed += status != 0;
        printf("%.4f\n", now_ms() - begin);
    }
    if (failed > 0) fprintf(stderr, "%d of %d failed\n", failed, count);
    return failed > 0;
}
