// Writes numbered lines of 100 bytes to standard output as fast as it can, then tells what it did
// and pauses, so that no supervisor starts it again.
//
//   log_source STATUS_FILE:LINES_PER_WRITE:MAX_MB:MAX_SECONDS
//
// The status file gets "LINES BEGIN_S END_S CPU_S ERRNO": monotonic seconds, CPU of this process.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { line_bytes = 100, digits = 19, lines_between_looks = 1024 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void number_lines(char* block, size_t lines, uint64_t first) {
    for (size_t i = 0; i < lines; ++i) {
        uint64_t number = first + i;
        char* const line = block + i * line_bytes;
        for (int d = digits - 1; d >= 0; --d) {
            line[d] = (char)('0' + number % 10);
            number /= 10;
        }
    }
}

static int write_all(const char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

int main(int argc, char** argv) {
    char* rest = argc == 2 ? argv[1] : NULL;
    const char* const status = strsep(&rest, ":");
    const char* const lines_text = strsep(&rest, ":");
    const char* const mb_text = strsep(&rest, ":");
    if (rest == NULL) return 2;
    if (access(status, F_OK) == 0) {
        for (;;) pause();
    }
    const size_t lines = (size_t)atol(lines_text);
    const uint64_t most = (uint64_t)(atof(mb_text) * 1e6 / line_bytes);
    const double seconds = atof(rest);
    char* const block = malloc(lines * line_bytes);
    for (size_t i = 0; i < lines; ++i) {
        memset(block + i * line_bytes, 'a' + (int)(i % 26), line_bytes - 1);
        block[i * line_bytes + digits] = ' ';
        block[i * line_bytes + line_bytes - 1] = '\n';
    }
    uint64_t done = 0;
    int error = 0;
    const double begin = now();
    while (done < most && error == 0) {
        number_lines(block, lines, done);
        error = write_all(block, lines * line_bytes);
        done += lines;
        if (done % lines_between_looks < lines && now() - begin > seconds) break;
    }
    const double end = now();
    char draft[4096];
    snprintf(draft, sizeof draft, "%s.tmp", status);
    FILE* const file = fopen(draft, "w");
    if (file == NULL) return 1;
    fprintf(file, "%llu %.6f %.6f %.6f %d\n", (unsigned long long)done, begin, end, cpu(), error);
    fclose(file);
    rename(draft, status);
    for (;;) pause();
}
