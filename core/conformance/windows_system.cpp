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

// The socket does not wait as long as this lives.
class NonBlocking {
  public:
    explicit NonBlocking(SOCKET socket) : socket_(socket) { set(1); }
    ~NonBlocking() { set(0); }
    NonBlocking(const NonBlocking&) = delete;
    NonBlocking& operator=(const NonBlocking&) = delete;

  private:
    void set(u_long on) const { ::ioctlsocket(socket_, FIONBIO, &on); }
    SOCKET socket_;
};

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
    const NonBlocking now(native(socket));
    int got = 0;
    do got = ::recv(native(socket), unread.data(), static_cast<int>(unread.size()), 0);
    while (got > 0);
    return got == 0 || ::WSAGetLastError() != WSAEWOULDBLOCK;
}

// Never in a send that waits: under Wine one whose peer goes meanwhile may not come back, whatever
// limit of time the socket has.
void send_all(Socket socket, std::string_view bytes) {
    constexpr int patience_ms = 1000;
    const NonBlocking now(native(socket));
    while (!bytes.empty()) {
        const int sent = ::send(native(socket), bytes.data(), static_cast<int>(bytes.size()), 0);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        WSAPOLLFD waited{native(socket), POLLWRNORM, 0};
        if (::WSAGetLastError() != WSAEWOULDBLOCK || ::WSAPoll(&waited, 1, patience_ms) <= 0)
            return;
    }
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
