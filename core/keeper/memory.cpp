#include "keeper/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace syspulse::keeper {
namespace {

// Only mappings that nobody has written to may be dropped: code, and the first part of each file,
// which holds headers and symbols. Later read-only parts hold what the loader has relocated.
void drop(const char* line) {
    unsigned long begin = 0;
    unsigned long end = 0;
    unsigned long offset = 0;
    unsigned long inode = 0;
    char rights[5] = "";
    const int fields =
        std::sscanf(line, "%lx-%lx %4s %lx %*x:%*x %lu", &begin, &end, rights, &offset, &inode);
    const bool code = std::strcmp(rights, "r-xp") == 0;
    const bool head = std::strcmp(rights, "r--p") == 0 && offset == 0;
    if (fields != 5 || inode == 0 || (!code && !head)) return;
    void* const start = reinterpret_cast<void*>(static_cast<std::uintptr_t>(begin));
    ::madvise(start, end - begin, MADV_DONTNEED);
}

}  // namespace

void drop_start_pages() {
    const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) return;
    char text[4096];
    std::size_t held = 0;
    for (ssize_t n = 0; (n = ::read(maps, text + held, sizeof text - 1 - held)) > 0;) {
        held += static_cast<std::size_t>(n);
        text[held] = '\0';
        char* line = text;
        for (char* stop = nullptr; (stop = std::strchr(line, '\n')) != nullptr; line = stop + 1) {
            *stop = '\0';
            drop(line);
        }
        held = std::strlen(line);
        std::memmove(text, line, held);
    }
    ::close(maps);
}

}  // namespace syspulse::keeper
