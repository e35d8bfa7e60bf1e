#include <winsock2.h>

#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>

#include <array>

#include "conformance/case.hpp"
#include "conformance/kit_system.hpp"

namespace syspulse::conformance {
namespace {

SOCKET native(Socket socket) {
    return static_cast<SOCKET>(socket);
}

std::size_t threads_of_this_process() {
    const HANDLE all = ::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    THREADENTRY32 entry{};
    entry.dwSize = sizeof entry;
    std::size_t count = 0;
    for (BOOL more = ::Thread32First(all, &entry); more != 0; more = ::Thread32Next(all, &entry))
        count += entry.th32OwnerProcessID == ::GetCurrentProcessId() ? 1U : 0U;
    ::CloseHandle(all);
    return count;
}

}  // namespace

void measure_small_pages() {}

Usage usage() {
    Usage now;
    DWORD handles = 0;
    ::GetProcessHandleCount(::GetCurrentProcess(), &handles);
    now.descriptors = handles;
    now.threads = threads_of_this_process();
    PROCESS_MEMORY_COUNTERS memory{};
    ::GetProcessMemoryInfo(::GetCurrentProcess(), &memory, sizeof memory);
    now.memory_kib = memory.WorkingSetSize / 1024;
    return now;
}

std::span<char> table_page(bool guarded) {
    SYSTEM_INFO system{};
    ::GetSystemInfo(&system);
    const std::size_t page = system.dwPageSize;
    auto* const first = static_cast<char*>(
        ::VirtualAlloc(nullptr, 2 * page, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
    DWORD before = 0;
    if (guarded) ::VirtualProtect(first + page, page, PAGE_NOACCESS, &before);
    return {first, page};
}

bool is_inherited(std::int64_t handle) {
    DWORD flags = 0;
    const auto native = reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(handle));
    return ::GetHandleInformation(native, &flags) == 0 || (flags & HANDLE_FLAG_INHERIT) != 0;
}

LoopbackSocket bind_to_loopback() {
    WSADATA data{};
    ::WSAStartup(MAKEWORD(2, 2), &data);
    const SOCKET made =
        ::WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_NO_HANDLE_INHERIT);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int size = sizeof address;
    ::bind(made, reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(made, reinterpret_cast<sockaddr*>(&address), &size);
    return {static_cast<Socket>(made), ntohs(address.sin_port)};
}

void listen_on(Socket socket) {
    ::listen(native(socket), SOMAXCONN);
}

Socket accept_from(Socket listener) {
    const SOCKET made = ::accept(native(listener), nullptr, nullptr);
    return made == INVALID_SOCKET ? no_socket : static_cast<Socket>(made);
}

bool readable(Socket socket, std::chrono::milliseconds limit) {
    WSAPOLLFD waited{native(socket), POLLRDNORM, 0};
    return ::WSAPoll(&waited, 1, static_cast<int>(limit.count())) > 0;
}

void receive(Socket socket, std::span<char> bytes) {
    ::recv(native(socket), bytes.data(), static_cast<int>(bytes.size()), 0);
}

bool is_over(Socket socket) {
    std::array<char, 4096> unread{};
    u_long waits = 0;
    u_long does_not = 1;
    ::ioctlsocket(native(socket), FIONBIO, &does_not);
    int got = 0;
    do got = ::recv(native(socket), unread.data(), static_cast<int>(unread.size()), 0);
    while (got > 0);
    const bool over = got == 0 || ::WSAGetLastError() != WSAEWOULDBLOCK;
    ::ioctlsocket(native(socket), FIONBIO, &waits);
    return over;
}

void send_all(Socket socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const int sent = ::send(native(socket), bytes.data(), static_cast<int>(bytes.size()), 0);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void limit_sending(Socket socket, std::chrono::seconds limit) {
    const auto milliseconds = static_cast<DWORD>(limit.count() * 1000);
    ::setsockopt(native(socket), SOL_SOCKET, SO_SNDTIMEO,
                 reinterpret_cast<const char*>(&milliseconds), sizeof milliseconds);
}

void end_writing(Socket socket) {
    ::shutdown(native(socket), SD_SEND);
}

void end_both_ways(Socket socket) {
    ::shutdown(native(socket), SD_BOTH);
}

void reset_at_close(Socket socket) {
    const linger now{1, 0};
    ::setsockopt(native(socket), SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&now),
                 sizeof now);
}

void close_socket(Socket socket) {
    ::closesocket(native(socket));
}

}  // namespace syspulse::conformance
