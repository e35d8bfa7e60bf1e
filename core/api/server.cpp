#include <utility>

#include "api/server.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <unordered_set>
#include <vector>

#include "api/connection.hpp"
#include "api/http_text.hpp"
#include "base/log.hpp"
#include "platform/asio_context.hpp"
#include "platform/local_socket.hpp"
#include "platform/local_stream.hpp"

namespace syspulse::api {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// After running out of descriptors: how long until a new client is tried again.
constexpr std::chrono::milliseconds accept_pause{100};
// Clients accepted in one go, so that a crowd does not hold up the loop.
constexpr int accept_batch = 16;

// Answers without reading, and closes. The client finds the answer in its socket's buffer.
void turn_away(const platform::LocalStream& client, const ApiError& error) {
    const std::string body = to_json(error) + "\n";
    const std::string text = head_text({.status = error.code,
                                        .content_type = "application/json",
                                        .content_length = body.size(),
                                        .keep_alive = false}) +
                             body;
    platform::send_at_once(client.handle(), text);
}

class LocalServer final : public Server, private ConnectionOwner {
  public:
    LocalServer(asio::io_context& context, platform::Endpoint endpoint, ControlService& service,
                ServerLimits limits)
        : context_(context), service_(service), limits_(std::move(limits)), pause_(context) {
        if (!limits_.admit) limits_.admit = platform::is_own_user;
        listen_on(std::move(endpoint));
    }

    ~LocalServer() override {
        *alive_ = false;
        stop_accepting();
        const auto all = connections_;
        for (const auto& connection : all) connection->close();
    }

    std::size_t connection_count() const override { return connections_.size(); }

    void stop_accepting() override {
        if (!listener_->is_open()) return;
        watch_.reset();
        file_.remove();
        leave_endpoint();
    }

    void leave_endpoint() override {
        if (!listener_->is_open()) return;
        watch_.reset();
        listener_->close();
        pause_.cancel();
        const auto all = connections_;
        for (const auto& connection : all) connection->close_when_idle();
    }

  private:
    void listen_on(platform::Endpoint endpoint) {
        file_ = std::move(endpoint.file);
        listener_.emplace(context_, std::move(endpoint.socket), file_.path);
        watch_.emplace(context_, file_.path, [this] { look_at_file(); });
        wait_for_clients();
    }

    // Somebody who clears up temporary files must not lock out everybody else.
    void look_at_file() {
        if (file_.is_there()) return;
        accept_clients();  // Who is in the queue of the old one.
        auto endpoint = platform::bind_endpoint(file_.path);
        if (!endpoint) {
            return log::error(
                "the file of the control endpoint is gone, and no client reaches "
                "this manager: " +
                endpoint.error().message);
        }
        log::warn("the file of the control endpoint was gone and is there again: " + file_.path);
        pause_.cancel();
        listen_on(std::move(*endpoint));
    }

    void wait_for_clients() {
        listener_->wait([this, alive = alive_](error_code error) {
            if (*alive && !error && listener_->is_open()) accept_clients();
        });
    }

    void accept_clients() {
        for (int i = 0; i < accept_batch; ++i) {
            auto client = listener_->accept();
            if (!client) return pause_accepting(client.error());
            if (!*client) break;
            admit(std::move(**client));
        }
        wait_for_clients();
    }

    void pause_accepting(const Error& error) {
        log::warn(error.message);
        pause_.expires_after(accept_pause);
        pause_.async_wait([this, alive = alive_](error_code failed) {
            if (*alive && !failed && listener_->is_open()) wait_for_clients();
        });
    }

    void admit(platform::LocalStream client) {
        const auto peer = platform::peer_of(client.handle());
        if (!peer || !limits_.admit(*peer)) {
            return turn_away(client, {403, "permission_denied",
                                      "cannot use the manager: it belongs to another user"});
        }
        if (connections_.size() >= limits_.connections && !make_room()) {
            return turn_away(client, {503, "unavailable",
                                      "cannot serve request: too many connections; try again"});
        }
        auto connection = std::make_shared<Connection>(
            Connection::Environment{context_, service_, limits_, *this}, std::move(client), *peer);
        connections_.insert(connection);
        connection->start();
    }

    std::size_t stream_count() const override {
        return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                      [](const auto& c) { return c->follows(); }));
    }

    // Closes the connection that has owed the rest of a request for longest, if that is long.
    bool make_room() {
        std::shared_ptr<Connection> oldest;
        std::chrono::steady_clock::duration most = limits_.patience;
        for (const auto& connection : connections_) {
            if (connection->owes_for() < most) continue;
            most = connection->owes_for();
            oldest = connection;
        }
        if (oldest) oldest->close();
        return oldest != nullptr;
    }

    void connection_closed(const std::shared_ptr<Connection>& connection) override {
        connections_.erase(connection);
    }

    asio::io_context& context_;
    ControlService& service_;
    ServerLimits limits_;
    platform::SocketFile file_;
    std::optional<platform::LocalListener> listener_;
    std::optional<platform::EndpointFileWatch> watch_;
    asio::steady_timer pause_;
    std::unordered_set<std::shared_ptr<Connection>> connections_;
    // Shared with handlers that are queued when the server goes.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<int> listen_at(const std::string& socket_path) {
    auto endpoint = platform::bind_endpoint(socket_path);
    if (!endpoint) return endpoint.error();
    return endpoint->socket.release();
}

Result<std::unique_ptr<Server>> Server::listen(platform::EventLoop& loop,
                                               const std::string& socket_path,
                                               ControlService& service, ServerLimits limits) {
    auto listener = listen_at(socket_path);
    if (!listener) return listener.error();
    return serve(loop, *listener, socket_path, service, std::move(limits));
}

Result<std::unique_ptr<Server>> Server::serve(platform::EventLoop& loop, int listener,
                                              const std::string& socket_path,
                                              ControlService& service, ServerLimits limits) {
    platform::Endpoint endpoint{platform::SocketHandle(listener),
                                platform::SocketFile::at(socket_path)};
    try {
        return std::unique_ptr<Server>(std::make_unique<LocalServer>(
            platform::asio_context(loop), std::move(endpoint), service, std::move(limits)));
    } catch (const boost::system::system_error& e) {
        return Error{ErrorCode::internal,
                     "cannot open control endpoint " + socket_path + ": " + e.code().message()};
    }
}

}  // namespace syspulse::api
