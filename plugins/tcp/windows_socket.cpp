#include "tcp/socket.hpp"
#include "windows/win32.hpp"

namespace syspulse::plugins::tcp {

Socket::Connect Socket::connect(const Address& address, int& error) {
    close();
    prepare_network();
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address.storage);
    const SOCKET made = ::WSASocketW(generic->sa_family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    u_long non_blocking = 1;
    if (made == INVALID_SOCKET) {
        error = ::WSAGetLastError();
        return Connect::failed;
    }
    handle_ = static_cast<sysp_handle>(made);
    if (::ioctlsocket(made, static_cast<long>(FIONBIO), &non_blocking) == 0 &&
        ::connect(made, generic, address.length) == 0) {
        return Connect::done;
    }
    error = ::WSAGetLastError();
    return error == WSAEWOULDBLOCK ? Connect::pending : Connect::failed;
}

int Socket::connect_error() const {
    int error = 0;
    int size = sizeof error;
    if (::getsockopt(static_cast<SOCKET>(handle_), SOL_SOCKET, SO_ERROR,
                     reinterpret_cast<char*>(&error), &size) != 0) {
        return ::WSAGetLastError();
    }
    return error;
}

void Socket::close() noexcept {
    if (const auto handle = std::exchange(handle_, -1); handle >= 0)
        ::closesocket(static_cast<SOCKET>(handle));
}

std::string Socket::text_of(int error) {
    switch (error) {
        case WSAECONNREFUSED:
            return "Connection refused";
        case WSAETIMEDOUT:
            return "Connection timed out";
        case WSAENETUNREACH:
            return "Network is unreachable";
        case WSAEHOSTUNREACH:
            return "No route to host";
        default:
            return windows::win32_error("it failed", static_cast<DWORD>(error)).what();
    }
}

void prepare_network() {
    static const bool prepared = [] {
        WSADATA data{};
        return ::WSAStartup(MAKEWORD(2, 2), &data) == 0;  // For the life of the process.
    }();
    static_cast<void>(prepared);
}

std::string look_up_text(int code) {
    if (code == WSAHOST_NOT_FOUND) return "Name or service not known";
    return windows::win32_error("it failed", static_cast<DWORD>(code)).what();
}

}  // namespace syspulse::plugins::tcp
