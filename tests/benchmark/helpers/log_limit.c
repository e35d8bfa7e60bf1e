// What log capture costs at least: reads the pipe on standard input and writes it to files in
// DIRECTORY, which are changed at a line's end when they reach their size.
//
//   log_limit DIRECTORY FILE_MB
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { buffer_bytes = 64 * 1024 };

static const char* directory;
static int file = -1;
static size_t in_file;

static void next_file(void) {
    static int number;
    char path[4096];
    if (file >= 0) close(file);
    snprintf(path, sizeof path, "%s/log.%04d", directory, number++);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    in_file = 0;
}

static void store(const char* bytes, size_t size) {
    in_file += size;
    while (size > 0) {
        const ssize_t written = write(file, bytes, size);
        if (written < 0) {
            perror("cannot write");
            exit(1);
        }
        bytes += written;
        size -= (size_t)written;
    }
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    directory = argv[1];
    const size_t limit = (size_t)atol(argv[2]) * 1000000;
    static char buffer[buffer_bytes];
    next_file();
    for (;;) {
        const ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0;
        size_t first = (size_t)got;
        if (in_file + first >= limit) {
            const char* const end = memrchr(buffer, '\n', first);
            if (end != NULL) first = (size_t)(end - buffer) + 1;
            store(buffer, first);
            next_file();
            store(buffer + first, (size_t)got - first);
        } else {
            store(buffer, first);
        }
    }
}
