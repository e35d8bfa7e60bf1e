#include <dlfcn.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <stdexcept>

#include "support/host_system.hpp"

namespace syspulse::testing {

const sysp_module* load_plugin(const std::string& file) {
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(::dlerror());
    void* symbol = ::dlsym(library, "syspulse_plugin_v1");
    if (symbol == nullptr) throw std::runtime_error("no syspulse_plugin_v1");
    return reinterpret_cast<decltype(&syspulse_plugin_v1)>(symbol)();
}

std::uint64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec * 1'000'000'000 + now.tv_nsec);
}

std::int64_t own_pid() {
    return ::getpid();
}

void poll_handles(std::vector<Polled>& handles, int longest_ms) {
    std::vector<pollfd> fds;
    for (const Polled& handle : handles) {
        short events = 0;
        if ((handle.interest & SYSP_IO_READ) != 0) events |= POLLIN;
        if ((handle.interest & SYSP_IO_WRITE) != 0) events |= POLLOUT;
        fds.push_back({static_cast<int>(handle.handle), events, 0});
    }
    (void)::poll(fds.data(), fds.size(), longest_ms);
    for (std::size_t i = 0; i < fds.size(); ++i) {
        std::uint32_t& ready = handles[i].ready;
        if ((fds[i].revents & (POLLIN | POLLHUP)) != 0) ready |= SYSP_IO_READ;
        if ((fds[i].revents & POLLOUT) != 0) ready |= SYSP_IO_WRITE;
        if ((fds[i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) ready |= SYSP_IO_ERROR;
    }
}

}  // namespace syspulse::testing
