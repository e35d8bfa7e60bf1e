// One blocking HTTP connection to the manager, used by Client alone.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/client.hpp"
#include "base/result.hpp"
#include "platform/clock.hpp"
#include "platform/local_socket.hpp"

namespace syspulse::api {

using DataHandler = std::function<bool(std::string_view)>;

class ClientConnection {
  public:
    ClientConnection(platform::SocketHandle socket, const platform::Clock& clock)
        : socket_(std::move(socket)), clock_(clock) {}

    // Sends `text` and reads the answer. With `on_data` the body of a 200 goes there.
    Result<Response> exchange(std::string_view text, std::optional<Instant> deadline,
                              const DataHandler& on_data);

    bool reusable() const;       // Another exchange may follow.
    bool heard_nothing() const;  // The last exchange failed before the first byte of an answer.

  private:
    Result<void> send(std::string_view text, std::optional<Instant> deadline);
    Result<std::size_t> receive(std::span<char> into, std::optional<Instant> deadline);
    std::optional<Duration> left(std::optional<Instant> deadline) const;

    platform::SocketHandle socket_;
    const platform::Clock& clock_;
    bool complete_ = true;
    bool heard_nothing_ = false;
};

}  // namespace syspulse::api
