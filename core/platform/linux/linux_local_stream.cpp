// Asio's acceptor would leave accepted sockets open across exec, so that only waiting is Asio's.
#include <utility>

#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <system_error>

#include "platform/linux/linux_error.hpp"
#include "platform/local_stream.hpp"

namespace syspulse::platform {

namespace asio = boost::asio;
using boost::system::error_code;

struct LocalStream::Native {
    Native(asio::io_context& context, int fd)
        : socket(context, asio::local::stream_protocol(), fd) {
        error_code ignored;
        socket.non_blocking(true, ignored);
    }
    asio::local::stream_protocol::socket socket;
};

LocalStream::LocalStream(std::unique_ptr<Native> native) noexcept : native_(std::move(native)) {}
LocalStream::LocalStream(LocalStream&&) noexcept = default;
LocalStream& LocalStream::operator=(LocalStream&&) noexcept = default;
LocalStream::~LocalStream() = default;

void LocalStream::read_some(asio::mutable_buffer into, Handler done) {
    native_->socket.async_read_some(into, std::move(done));
}

void LocalStream::write_some(asio::const_buffer bytes, Handler done) {
    native_->socket.async_write_some(bytes, std::move(done));
}

std::size_t LocalStream::write_now(asio::const_buffer bytes, error_code& error) {
    return native_->socket.write_some(bytes, error);
}

void LocalStream::end_writing() {
    error_code ignored;
    native_->socket.shutdown(asio::socket_base::shutdown_send, ignored);
}

void LocalStream::close() {
    error_code ignored;
    native_->socket.close(ignored);
}

int LocalStream::handle() const {
    return const_cast<asio::local::stream_protocol::socket&>(native_->socket).native_handle();
}

struct LocalListener::Native {
    Native(asio::io_context& shared, int fd) : context(shared), listener(shared, fd) {}
    asio::io_context& context;
    asio::posix::stream_descriptor listener;
};

LocalListener::LocalListener(asio::io_context& context, SocketHandle socket, const std::string&)
    : native_(std::make_shared<Native>(context, socket.release())) {}
LocalListener::~LocalListener() = default;

void LocalListener::wait(std::function<void(error_code)> ready) {
    native_->listener.async_wait(asio::posix::descriptor_base::wait_read, std::move(ready));
}

Result<std::optional<LocalStream>> LocalListener::accept() {
    while (true) {
        const int fd = ::accept4(native_->listener.native_handle(), nullptr, nullptr,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            return std::optional(
                LocalStream(std::make_unique<LocalStream::Native>(native_->context, fd)));
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<LocalStream>();
        return os_error("cannot accept control client");
    }
}

bool LocalListener::is_open() const {
    return native_->listener.is_open();
}

void LocalListener::close() {
    error_code ignored;
    native_->listener.close(ignored);
}

}  // namespace syspulse::platform
