#include "conformance/target_server.hpp"

#include <array>
#include <utility>
#include <vector>

namespace syspulse::conformance {
namespace {

constexpr std::chrono::milliseconds look{20};

}  // namespace

TargetServer::TargetServer(Manner manner, std::string reply)
    : manner_(manner), reply_(std::move(reply)) {
    const LoopbackSocket bound = bind_to_loopback();
    listener_ = bound.socket;
    port_ = bound.port;
    if (manner_ == Manner::refuse) return;
    listen_on(listener_);
    thread_ = std::thread([this] { serve(); });
}

TargetServer::~TargetServer() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    close_socket(listener_);
}

std::string TargetServer::in(std::string target) const {
    constexpr std::string_view mark = "{port}";
    for (std::size_t at = target.find(mark); at != std::string::npos; at = target.find(mark)) {
        target.replace(at, mark.size(), std::to_string(port_));
    }
    return target;
}

void TargetServer::serve() {
    std::vector<Socket> open;
    while (!stopping_) {
        if (readable(listener_, look)) {
            const Socket connection = accept_from(listener_);
            if (connection == no_socket) continue;
            treat(connection);
            open.push_back(connection);
        }
        // The descriptors are of the process whose leaks the items count.
        std::erase_if(open, [](Socket connection) {
            const bool over = is_over(connection);
            if (over) close_socket(connection);
            return over;
        });
        if (manner_ == Manner::trickle) {
            for (const Socket connection : open) send_all(connection, "x");
        }
    }
    for (const Socket connection : open) close_socket(connection);
}

void TargetServer::treat(Socket connection) const {
    switch (manner_) {
        case Manner::reply: {
            std::array<char, 4096> request{};
            if (readable(connection, 10 * look)) receive(connection, request);
            send_all(connection, reply_);
            end_writing(connection);
            break;
        }
        case Manner::reset:
            reset_at_close(connection);
            end_both_ways(connection);
            break;
        case Manner::close:
            end_both_ways(connection);
            break;
        case Manner::garbage:
            send_all(connection, std::string(10'000, '\xfe') + std::string(10, '\0') + "\r\n\r\n");
            end_writing(connection);
            break;
        case Manner::flood: {
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
