#include "platform/this_process.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {

std::int64_t process_id() {
    return ::GetCurrentProcessId();
}

// Not needed here: a process is known by its number and the moment it was created, which no process
// of an earlier life of the machine shares.
std::string boot_identity() {
    return {};
}

std::filesystem::path program_path() {
    std::wstring path(MAX_PATH, L'\0');
    for (;;) {
        const DWORD size =
            ::GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
        if (size == 0) return {};
        if (size < path.size()) {
            path.resize(size);
            return path;
        }
        path.resize(path.size() * 2);
    }
}

void return_free_memory() {}  // The heap does so by itself.

}  // namespace syspulse::platform
