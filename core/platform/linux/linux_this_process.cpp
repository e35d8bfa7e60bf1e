#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include "platform/this_process.hpp"

namespace syspulse::platform {

std::int64_t process_id() {
    return getpid();
}

// The boot id alone would not do in a container that is restarted on a running machine: there, the
// start time of the first process (field 22 of its stat) tells one life from the next.
std::string boot_identity() {
    std::string boot;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
    std::string stat;
    std::getline(std::ifstream("/proc/1/stat"), stat);
    const std::size_t name_end = stat.rfind(')');
    if (boot.empty() || name_end == std::string::npos) return boot;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number) fields >> field;
    return boot + "/" + field;
}

std::filesystem::path program_path() {
    std::error_code error;
    auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::filesystem::path() : path;
}

void return_free_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace syspulse::platform
