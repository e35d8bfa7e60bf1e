// What the kit needs of the operating system beyond core/platform.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace syspulse::conformance {

// Two pages that stay for the life of the process, of which the first is given. With `guarded` the
// second must not be touched.
std::span<char> table_page(bool guarded);

// Memory is measured in pages: from here on the kernel gives this process no huge ones, one of
// which would look like a leak.
void measure_small_pages();

// Whether programs that this process starts would have the handle, too.
bool is_inherited(std::int64_t handle);

// Plain blocking sockets.
using Socket = std::intptr_t;
constexpr Socket no_socket = -1;

struct LoopbackSocket {
    Socket socket = no_socket;
    std::uint16_t port = 0;
};
// Bound to a free port, so that nobody else listens there either.
LoopbackSocket bind_to_loopback();
void listen_on(Socket socket);
Socket accept_from(Socket listener);
bool readable(Socket socket, std::chrono::milliseconds limit);
void receive(Socket socket, std::span<char> bytes);
// Whether the other side has closed; what it sent meanwhile is dropped.
bool is_over(Socket socket);
// Gives up when nothing is taken for a second, or the other side has gone.
void send_all(Socket socket, std::string_view bytes);
void end_writing(Socket socket);
void end_both_ways(Socket socket);
// Has the end told as a reset.
void reset_at_close(Socket socket);
void close_socket(Socket socket);

}  // namespace syspulse::conformance
