// The server half of the control API: HTTP/1.1 with JSON on a Unix socket. Runs on the loop thread,
// never blocks it, and costs no wake-up while no client is connected.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "api/control_service.hpp"
#include "base/result.hpp"
#include "platform/event_loop.hpp"

namespace syspulse::api {

struct ServerLimits {
    std::size_t header_bytes = 16 * 1024;
    std::size_t body_bytes = 8 * 1024 * 1024;
    std::size_t connections = 256;
    std::size_t streams = 128;  // Of the connections, those that follow logs or events.
    std::chrono::milliseconds request_deadline{30'000};  // First to last byte of one request.
    std::chrono::milliseconds idle_deadline{60'000};     // Between requests.
    // Who has not sent a whole request for this long gives way when the connections run out.
    std::chrono::milliseconds patience{1'000};
    std::chrono::milliseconds write_deadline{30'000};  // Without any progress of an answer.
    std::chrono::milliseconds linger_deadline{2'000};  // For what a refused client still sends.
    // Who may connect; empty: the manager's own user, and root.
    std::function<bool(const Peer&)> admit = {};
};

// A socket that listens at the path; no client is served before serve() has it.
Result<int> listen_at(const std::string& socket_path);

// [loop thread] Destruction closes the endpoint and every connection and removes the socket file.
class Server {
  public:
    // A socket file that nobody answers on is replaced; one that somebody does is already_exists.
    // The loop and the service must outlive the server.
    static Result<std::unique_ptr<Server>> listen(platform::EventLoop& loop,
                                                  const std::string& socket_path,
                                                  ControlService& service,
                                                  ServerLimits limits = {});
    // Likewise, on a socket that listens at that path already. Takes over the descriptor.
    static Result<std::unique_ptr<Server>> serve(platform::EventLoop& loop, int listener,
                                                 const std::string& socket_path,
                                                 ControlService& service, ServerLimits limits = {});
    virtual ~Server() = default;

    virtual std::size_t connection_count() const = 0;

    // Takes no new connections or requests, and lets answers that are under way be written until
    // the server is destroyed. The socket file is removed at once.
    virtual void stop_accepting() = 0;

    // The same, but the socket file stays, and so does whoever waits on it: another process has the
    // socket and goes on.
    virtual void leave_endpoint() = 0;
};

}  // namespace syspulse::api
