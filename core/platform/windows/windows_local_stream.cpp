// A named pipe has one instance per client. Some wait for the next clients at any time, and each
// that is taken is replaced.
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/windows/overlapped_ptr.hpp>
#include <boost/asio/windows/stream_handle.hpp>

#include <deque>
#include <memory>

#include "platform/local_stream.hpp"
#include "platform/windows/local_pipe.hpp"
#include "platform/windows/windows_error.hpp"

namespace syspulse::platform {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t waiting_instances = 8;

// The end of a pipe has several names.
error_code translated(error_code error) {
    const int value = error.value();
    if (value == ERROR_BROKEN_PIPE || value == ERROR_PIPE_NOT_CONNECTED || value == ERROR_NO_DATA)
        return asio::error::eof;
    return error;
}

}  // namespace

struct LocalStream::Native {
    explicit Native(asio::windows::stream_handle connected) : pipe(std::move(connected)) {}
    asio::windows::stream_handle pipe;
};

LocalStream::LocalStream(std::unique_ptr<Native> native) noexcept : native_(std::move(native)) {}
LocalStream::LocalStream(LocalStream&&) noexcept = default;
LocalStream& LocalStream::operator=(LocalStream&&) noexcept = default;
LocalStream::~LocalStream() = default;

void LocalStream::read_some(asio::mutable_buffer into, Handler done) {
    native_->pipe.async_read_some(into,
                                  [done = std::move(done)](error_code error, std::size_t bytes) {
                                      done(translated(error), bytes);
                                  });
}

void LocalStream::write_some(asio::const_buffer bytes, Handler done) {
    native_->pipe.async_write_some(bytes, std::move(done));
}

// A pipe does not tell how much goes without waiting.
std::size_t LocalStream::write_now(asio::const_buffer, error_code& error) {
    error = asio::error::would_block;
    return 0;
}

// A pipe has one end for both ways. What is in it stays readable after close().
void LocalStream::end_writing() {}

void LocalStream::close() {
    error_code ignored;
    native_->pipe.close(ignored);
}

int LocalStream::handle() const {
    auto& pipe = const_cast<asio::windows::stream_handle&>(native_->pipe);
    return static_cast<int>(native_of(pipe.native_handle()));
}

struct LocalListener::Native : std::enable_shared_from_this<LocalListener::Native> {
    Native(asio::io_context& shared, std::string name) : context(shared), path(std::move(name)) {}

    // Waits for a client on this instance.
    void listen(HANDLE instance) {
        auto pipe = std::make_shared<asio::windows::stream_handle>(context, instance);
        ++waiting;
        asio::windows::overlapped_ptr operation(
            context, [self = shared_from_this(), pipe](error_code error, std::size_t) {
                self->came(error, *pipe);
            });
        const BOOL connected = ::ConnectNamedPipe(pipe->native_handle(), operation.get());
        const DWORD number = connected != 0 ? DWORD{ERROR_SUCCESS} : ::GetLastError();
        if (number == ERROR_IO_PENDING) {
            operation.release();
            listening.push_back(pipe);
        } else {
            const bool done = number == ERROR_SUCCESS || number == ERROR_PIPE_CONNECTED;
            operation.complete(
                done ? error_code()
                     : error_code(static_cast<int>(number), boost::system::system_category()),
                0);
        }
    }
    void came(error_code error, asio::windows::stream_handle& pipe) {
        --waiting;
        std::erase_if(listening, [&](const auto& known) { return known.get() == &pipe; });
        if (!open) return;
        if (!error) clients.push_back(std::move(pipe));
        refill();
        if (!clients.empty() && ready) std::exchange(ready, nullptr)({});
    }
    // What fails now is tried again when the next client is taken.
    void refill() {
        while (open && waiting < waiting_instances) {
            auto made = make_pipe_instance(path, false);
            if (!made) return;
            listen(made->release());
        }
    }

    asio::io_context& context;
    std::string path;
    std::size_t waiting = 0;
    bool open = true;
    std::deque<std::shared_ptr<asio::windows::stream_handle>> listening;
    std::deque<asio::windows::stream_handle> clients;
    std::function<void(error_code)> ready;
};

LocalListener::LocalListener(asio::io_context& context, SocketHandle socket,
                             const std::string& path)
    : native_(std::make_shared<Native>(context, path)) {
    native_->listen(handle_of(socket.release()));
    native_->refill();
}
LocalListener::~LocalListener() {
    close();
}

void LocalListener::wait(std::function<void(error_code)> ready) {
    if (native_->clients.empty()) {
        native_->ready = std::move(ready);
        return;
    }
    asio::post(native_->context, [ready = std::move(ready)] { ready({}); });
}

Result<std::optional<LocalStream>> LocalListener::accept() {
    native_->refill();
    if (native_->clients.empty()) return std::optional<LocalStream>();
    auto pipe = std::move(native_->clients.front());
    native_->clients.pop_front();
    return std::optional(LocalStream(std::make_unique<LocalStream::Native>(std::move(pipe))));
}

bool LocalListener::is_open() const {
    return native_->open;
}

void LocalListener::close() {
    native_->open = false;
    native_->ready = nullptr;
    native_->clients.clear();
    error_code ignored;
    for (const auto& pipe : native_->listening) pipe->close(ignored);
    native_->listening.clear();
}

}  // namespace syspulse::platform
