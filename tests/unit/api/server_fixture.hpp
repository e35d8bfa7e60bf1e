// A server on a socket in a directory of its own, and raw clients, all on the test's thread: the
// loop is turned by hand until what the test waits for has come.
#pragma once

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "api/server.hpp"
#include "platform/asio_context.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/local_socket.hpp"
#include "unit/api/fake_service.hpp"

namespace syspulse::api::test {

class RawClient {
  public:
    explicit RawClient(const std::string& path) {
        auto socket = platform::connect_endpoint(path, "DIR");
        if (socket) socket_ = std::move(*socket);
    }

    bool connected() const { return static_cast<bool>(socket_); }

    // As much as the socket takes now.
    std::size_t send(std::string_view text) {
        const auto n = ::send(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) return 0;
        return static_cast<std::size_t>(n);
    }
    // Whether the server has taken all that was sent.
    bool is_read() const {
        int unread = 0;
        return ::ioctl(socket_.get(), TIOCOUTQ, &unread) == 0 && unread == 0;
    }
    void half_close() { ::shutdown(socket_.get(), SHUT_WR); }
    void vanish() { socket_ = platform::SocketHandle(); }

    // Takes what is there. True once the server has closed.
    bool drain() {
        char piece[65536];
        while (true) {
            const auto n = ::recv(socket_.get(), piece, sizeof(piece), MSG_DONTWAIT);
            if (n > 0) {
                received.append(piece, static_cast<std::size_t>(n));
                continue;
            }
            if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) closed = true;
            return closed;
        }
    }

    std::string received;
    bool closed = false;

  private:
    platform::SocketHandle socket_;
};

class ServerTest : public testing::Test {
  protected:
    ServerTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "api-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        path_ = directory_ + "/s.sock";
    }
    ~ServerTest() override {
        server_.reset();
        std::filesystem::remove_all(directory_);
    }

    void listen(ServerLimits limits = {}) {
        auto server = Server::listen(*loop_, path_, service_, std::move(limits));
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
    }

    // Turns the loop until `condition` holds. Bounded by 60 s without
    // anything to do.
    bool until(const std::function<bool()>& condition) {
        auto& context = platform::asio_context(*loop_);
        for (int idle = 0; idle < 6000;) {
            if (condition()) return true;
            if (context.stopped()) context.restart();
            if (context.run_one_for(std::chrono::milliseconds{10}) == 0) ++idle;
        }
        return false;
    }

    bool until_received(RawClient& client, std::string_view text) {
        return until([&] {
            client.drain();
            return client.received.find(text) != std::string::npos;
        });
    }
    bool until_closed(RawClient& client) {
        return until([&] { return client.drain(); });
    }

    // The whole answer to one request on a connection of its own.
    std::string ask(const std::string& method, const std::string& target,
                    const std::string& body = {}) {
        RawClient client(path_);
        client.send(method + " " + target + " HTTP/1.1\r\nConnection: close\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
        EXPECT_TRUE(until_closed(client)) << target;
        return client.received;
    }

    std::unique_ptr<platform::Clock> clock_ = platform::make_system_clock();
    std::unique_ptr<platform::EventLoop> loop_ = *platform::make_event_loop(*clock_);
    FakeService service_;
    std::string directory_;
    std::string path_;
    std::unique_ptr<Server> server_;
};

}  // namespace syspulse::api::test
