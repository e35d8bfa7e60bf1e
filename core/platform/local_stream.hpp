// The manager's side of the local endpoint on the loop: clients that come, and the bytes of each.
// Only core/api uses it, beside Asio's timers.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include "platform/local_socket.hpp"

namespace boost::asio {
class io_context;
}

namespace syspulse::platform {

// One client. [loop thread]
class LocalStream {
  public:
    // Not called any more, or with an error, after close().
    using Handler = std::function<void(boost::system::error_code error, std::size_t bytes)>;
    struct Native;

    explicit LocalStream(std::unique_ptr<Native> native) noexcept;
    LocalStream(LocalStream&&) noexcept;
    LocalStream& operator=(LocalStream&&) noexcept;
    ~LocalStream();

    // asio::error::eof when the client has ended its side.
    void read_some(boost::asio::mutable_buffer into, Handler done);
    void write_some(boost::asio::const_buffer bytes, Handler done);
    // What goes without waiting; asio::error::would_block where that is nothing.
    std::size_t write_now(boost::asio::const_buffer bytes, boost::system::error_code& error);
    // Says that no more will come, where the system can.
    void end_writing();
    void close();
    int handle() const;

  private:
    std::unique_ptr<Native> native_;
};

// [loop thread]
class LocalListener {
  public:
    // Takes over what bind_endpoint(path) has opened.
    LocalListener(boost::asio::io_context& context, SocketHandle socket, const std::string& path);
    ~LocalListener();
    LocalListener(const LocalListener&) = delete;
    LocalListener& operator=(const LocalListener&) = delete;

    // Calls `ready` once when clients wait; with an error after close().
    void wait(std::function<void(boost::system::error_code)> ready);
    // The next client that waits; nothing if there is none.
    Result<std::optional<LocalStream>> accept();
    bool is_open() const;
    void close();

  private:
    struct Native;
    std::shared_ptr<Native> native_;  // Shared with what is under way.
};

// Tells each time the file of a bound endpoint may have been removed or moved. Pipes have no file,
// and where the system cannot watch, nothing is told. [loop thread]
class EndpointFileWatch {
  public:
    EndpointFileWatch(boost::asio::io_context& context, const std::string& path,
                      std::function<void()> touched);
    ~EndpointFileWatch();
    EndpointFileWatch(const EndpointFileWatch&) = delete;
    EndpointFileWatch& operator=(const EndpointFileWatch&) = delete;

  private:
    struct Native;
    std::shared_ptr<Native> native_;  // Shared with what is under way.
};

}  // namespace syspulse::platform
