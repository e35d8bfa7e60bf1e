#include <windows.h>
#include <winsock2.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "support/host_system.hpp"

namespace syspulse::testing {
namespace {

bool is_socket(sysp_handle handle) {
    int type = 0;
    int size = sizeof type;
    return ::getsockopt(static_cast<SOCKET>(handle), SOL_SOCKET, SO_TYPE,
                        reinterpret_cast<char*>(&type), &size) == 0;
}

std::uint32_t socket_ready(const Polled& polled) {
    const auto socket = static_cast<SOCKET>(polled.handle);
    fd_set readable{1, {socket}}, writable{1, {socket}}, failed{1, {socket}};
    timeval at_once{0, 0};
    const bool reads = (polled.interest & SYSP_IO_READ) != 0;
    const bool writes = (polled.interest & SYSP_IO_WRITE) != 0;
    if (::select(0, reads ? &readable : nullptr, writes ? &writable : nullptr, &failed, &at_once) <=
        0)
        return 0;
    std::uint32_t ready = 0;
    if (reads && readable.fd_count != 0) ready |= SYSP_IO_READ;
    if (writes && writable.fd_count != 0) ready |= SYSP_IO_WRITE;
    if (failed.fd_count != 0) ready |= SYSP_IO_ERROR | (polled.interest & SYSP_IO_WRITE);
    return ready;
}

}  // namespace

const sysp_module* load_plugin(const std::string& file) {
    const std::filesystem::path path = std::u8string(file.begin(), file.end());
    const HMODULE library = ::LoadLibraryW(path.c_str());
    if (library == nullptr) throw std::runtime_error("cannot load " + file);
    const auto symbol = ::GetProcAddress(library, "syspulse_plugin_v1");
    if (symbol == nullptr) throw std::runtime_error("no syspulse_plugin_v1");
    return reinterpret_cast<decltype(&syspulse_plugin_v1)>(reinterpret_cast<void*>(symbol))();
}

std::uint64_t monotonic_ns() {
    LARGE_INTEGER count{}, frequency{};
    ::QueryPerformanceCounter(&count);
    ::QueryPerformanceFrequency(&frequency);
    return static_cast<std::uint64_t>(static_cast<double>(count.QuadPart) * 1e9 /
                                      static_cast<double>(frequency.QuadPart));
}

std::int64_t own_pid() {
    return ::GetCurrentProcessId();
}

void poll_handles(std::vector<Polled>& handles, int longest_ms) {
    std::vector<HANDLE> objects;
    bool any = false;
    for (Polled& polled : handles) {
        if (is_socket(polled.handle)) {
            polled.ready = socket_ready(polled);
        } else if ((polled.interest & SYSP_IO_READ) != 0) {
            const auto object = reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(polled.handle));
            objects.push_back(object);
            if (::WaitForSingleObject(object, 0) == WAIT_OBJECT_0) polled.ready = SYSP_IO_READ;
        }
        any = any || polled.ready != 0;
    }
    if (any) return;
    const auto count =
        static_cast<DWORD>(std::min<std::size_t>(objects.size(), MAXIMUM_WAIT_OBJECTS));
    if (count == 0 || ::WaitForMultipleObjects(count, objects.data(), FALSE,
                                               static_cast<DWORD>(longest_ms)) == WAIT_FAILED) {
        ::Sleep(static_cast<DWORD>(longest_ms));
    }
}

}  // namespace syspulse::testing
