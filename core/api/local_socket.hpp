// The local endpoint as the OS gives it, here a Unix socket: who may open it, who opened it, who
// answers on it. Everything that other systems do differently stands in its .cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "api/control_service.hpp"
#include "base/result.hpp"

namespace syspulse::api {

// Owns a file descriptor.
class SocketHandle {
  public:
    SocketHandle() = default;
    explicit SocketHandle(int fd) noexcept : fd_(fd) {}
    SocketHandle(SocketHandle&& other) noexcept : fd_(other.release()) {}
    SocketHandle& operator=(SocketHandle&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~SocketHandle();

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

// Which file a bound socket made, so that only that one is removed.
struct SocketFile {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    static SocketFile at(const std::string& path);
    void remove() const;
};

struct Endpoint {
    SocketHandle socket;
    SocketFile file;
};

// Listening and non-blocking, readable and writable by the owner only. Replaces a file that nobody
// answers on.
Result<Endpoint> bind_endpoint(const std::string& path);

// The next client that waits, non-blocking; an empty handle if there is none.
Result<SocketHandle> accept_client(int listener);

Result<Peer> peer_of(int socket);

// A descriptor of the process that called listen() on what this socket is connected to.
Result<SocketHandle> process_behind(int socket);

// Waits until the process behind such a descriptor has ended.
void wait_for_end(const SocketHandle& process);

bool is_own_user(const Peer& peer);  // The manager's user, or root.

// Writes as much as fits without waiting; never raises SIGPIPE.
void send_at_once(int socket, std::string_view text);

// True if the other side has closed, as opposed to having said all it wanted to say.
bool has_vanished(int socket);

// Blocking. `directory` is what the error calls the manager by.
Result<SocketHandle> connect_endpoint(const std::string& path, const std::string& directory);

}  // namespace syspulse::api
