// Faults that show only later: when the instance is gone, or when the process was lost.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "mock.hpp"

namespace syspulse::plugins::mock {
namespace {

void linger(void*) {
    ::sleep(7);  // Longer than anybody is to wait for it.
}

}  // namespace

void leave_a_worker(const sysp_host* host) {
    static_cast<void>(host->run(host, linger, nullptr));
}

// Whether a process of before, which had no time to tidy up, has left its lock. One for each who
// started us.
bool is_locked() {
    static const bool locked = [] {
        const auto file = std::filesystem::temp_directory_path() /
                          ("syspulse-mock-" + std::to_string(::getppid()) + ".lock");
        const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600);
        if (fd >= 0) ::close(fd);
        return fd < 0;
    }();
    return locked;
}

}  // namespace syspulse::plugins::mock
