#include "conformance/target_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace syspulse::conformance {
namespace {

constexpr int poll_ms = 20;

void send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// Whether the other side has closed; what it sent meanwhile is dropped.
bool is_over(int connection) {
    std::array<char, 4096> unread{};
    ssize_t got = 0;
    do got = ::recv(connection, unread.data(), unread.size(), MSG_DONTWAIT);
    while (got > 0);
    return got == 0 || (errno != EAGAIN && errno != EINTR);
}

}  // namespace

TargetServer::TargetServer(Manner manner, std::string reply)
    : manner_(manner), reply_(std::move(reply)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (manner_ == Manner::refuse) return;  // Bound, so that nobody else listens there either.
    ::listen(listener_, SOMAXCONN);
    thread_ = std::thread([this] { serve(); });
}

TargetServer::~TargetServer() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
}

std::string TargetServer::in(std::string target) const {
    constexpr std::string_view mark = "{port}";
    for (std::size_t at = target.find(mark); at != std::string::npos; at = target.find(mark)) {
        target.replace(at, mark.size(), std::to_string(port_));
    }
    return target;
}

void TargetServer::serve() {
    std::vector<int> open;
    while (!stopping_) {
        pollfd waited{listener_, POLLIN, 0};
        if (::poll(&waited, 1, poll_ms) > 0) {
            const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) continue;
            treat(connection);
            open.push_back(connection);
        }
        // The descriptors are of the process whose leaks the items count.
        std::erase_if(open, [](int connection) {
            const bool over = is_over(connection);
            if (over) ::close(connection);
            return over;
        });
        if (manner_ == Manner::trickle) {
            for (const int connection : open) ::send(connection, "x", 1, MSG_NOSIGNAL);
        }
    }
    for (const int connection : open) ::close(connection);
}

void TargetServer::treat(int connection) const {
    switch (manner_) {
        case Manner::reply: {
            pollfd waited{connection, POLLIN, 0};
            std::array<char, 4096> request{};
            if (::poll(&waited, 1, 10 * poll_ms) > 0) {
                static_cast<void>(::recv(connection, request.data(), request.size(), 0));
            }
            send_all(connection, reply_);
            ::shutdown(connection, SHUT_WR);
            break;
        }
        case Manner::reset: {
            const linger now{1, 0};
            ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, sizeof now);
            ::shutdown(connection, SHUT_RDWR);
            break;
        }
        case Manner::close:
            ::shutdown(connection, SHUT_RDWR);
            break;
        case Manner::garbage:
            send_all(connection, std::string(10'000, '\xfe') + std::string(10, '\0') + "\r\n\r\n");
            ::shutdown(connection, SHUT_WR);
            break;
        case Manner::flood: {
            const timeval patience{1, 0};
            ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            const std::string piece(1 << 20, 'x');
            for (int i = 0; i < 100 && !stopping_; ++i) send_all(connection, piece);
            break;
        }
        case Manner::silence:
        case Manner::trickle:
        case Manner::refuse:
            break;
    }
}

}  // namespace syspulse::conformance
