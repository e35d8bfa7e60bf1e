#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tcp/socket.hpp"

namespace syspulse::plugins::tcp {

Socket::Connect Socket::connect(const Address& address, int& error) {
    close();
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address.storage);
    handle_ = ::socket(generic->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (handle_ >= 0 && ::connect(static_cast<int>(handle_), generic, address.length) == 0)
        return Connect::done;
    error = errno;
    return handle_ >= 0 && error == EINPROGRESS ? Connect::pending : Connect::failed;
}

int Socket::connect_error() const {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(static_cast<int>(handle_), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

void Socket::close() noexcept {
    if (const auto handle = std::exchange(handle_, -1); handle >= 0)
        ::close(static_cast<int>(handle));
}

std::string Socket::text_of(int error) {
    return std::strerror(error);
}

void prepare_network() {}

std::string look_up_text(int code) {
    return ::gai_strerror(code);
}

}  // namespace syspulse::plugins::tcp
