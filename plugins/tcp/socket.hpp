// A socket that connects without waiting. What systems do differently stands in posix_socket.cpp
// and windows_socket.cpp.
#pragma once

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <sys/socket.h>
#endif

#include <syspulse/plugin.h>

#include <string>
#include <utility>

namespace syspulse::plugins::tcp {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

class Socket {
  public:
    enum class Connect { done, pending, failed };

    Socket() noexcept = default;
    Socket(Socket&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Socket() { close(); }

    // Of a kind that fits the address; `error` says why it failed.
    Connect connect(const Address& address, int& error);
    // Once it is writable: zero, or why the connection failed.
    int connect_error() const;
    void close() noexcept;

    sysp_handle handle() const noexcept { return handle_; }
    // The same words on every system for what every system has.
    static std::string text_of(int error);

  private:
    sysp_handle handle_ = -1;
};

// Before a name is looked up.
void prepare_network();

// Why getaddrinfo() failed.
std::string look_up_text(int code);

}  // namespace syspulse::plugins::tcp
