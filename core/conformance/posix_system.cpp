#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "conformance/case.hpp"
#include "conformance/kit_system.hpp"

namespace syspulse::conformance {
namespace {

int fd(Socket socket) {
    return static_cast<int>(socket);
}

}  // namespace

namespace {

// The pages that are nobody else's, as the kernel finds them; the size that it keeps count of is
// behind by megabytes in some, and has what is mapped of files in it.
std::size_t own_memory_kib() {
    std::ifstream file("/proc/self/smaps_rollup");
    std::string word;
    while (file >> word) {
        std::size_t kib = 0;
        if (word == "Anonymous:" && file >> kib) return kib;
    }
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages >> pages;
    return pages * 4;
}

}  // namespace

void measure_small_pages() {
    ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

Usage usage() {
    Usage now;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        static_cast<void>(entry);
        ++now.descriptors;
    }
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
        static_cast<void>(entry);
        ++now.threads;
    }
    now.memory_kib = own_memory_kib();
    return now;
}

std::span<char> table_page(bool guarded) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const pages =
        ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto* const first = static_cast<char*>(pages);
    if (guarded) ::mprotect(first + page, page, PROT_NONE);
    return {first, page};
}

bool is_inherited(std::int64_t handle) {
    return ::fcntl(static_cast<int>(handle), F_GETFD) != FD_CLOEXEC;
}

LoopbackSocket bind_to_loopback() {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(made, reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(made, reinterpret_cast<sockaddr*>(&address), &size);
    return {made, ntohs(address.sin_port)};
}

void listen_on(Socket socket) {
    ::listen(fd(socket), SOMAXCONN);
}

Socket accept_from(Socket listener) {
    return ::accept4(fd(listener), nullptr, nullptr, SOCK_CLOEXEC);
}

bool readable(Socket socket, std::chrono::milliseconds limit) {
    pollfd waited{fd(socket), POLLIN, 0};
    return ::poll(&waited, 1, static_cast<int>(limit.count())) > 0;
}

void receive(Socket socket, std::span<char> bytes) {
    static_cast<void>(::recv(fd(socket), bytes.data(), bytes.size(), 0));
}

bool is_over(Socket socket) {
    std::array<char, 4096> unread{};
    ssize_t got = 0;
    do got = ::recv(fd(socket), unread.data(), unread.size(), MSG_DONTWAIT);
    while (got > 0);
    return got == 0 || (errno != EAGAIN && errno != EINTR);
}

void send_all(Socket socket, std::string_view bytes) {
    const timeval patience{1, 0};
    ::setsockopt(fd(socket), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd(socket), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void end_writing(Socket socket) {
    ::shutdown(fd(socket), SHUT_WR);
}

void end_both_ways(Socket socket) {
    ::shutdown(fd(socket), SHUT_RDWR);
}

void reset_at_close(Socket socket) {
    const linger now{1, 0};
    ::setsockopt(fd(socket), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void close_socket(Socket socket) {
    ::close(fd(socket));
}

}  // namespace syspulse::conformance
