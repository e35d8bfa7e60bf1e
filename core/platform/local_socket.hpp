// The local endpoint as the system gives it, a Unix socket or a named pipe: who may open it, who
// opened it, who answers on it, and a client's side of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "base/time.hpp"

namespace syspulse::platform {

// Who asks, as the kernel tells it.
struct LocalPeer {
    std::uint32_t uid = 0;
    std::int64_t pid = 0;
};

// Owns a file descriptor, or a handle of Windows, which fits as well.
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

// Which file a bound socket made, so that only that one is removed. Pipes have none.
struct SocketFile {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    static SocketFile at(const std::string& path);
    bool is_there() const;
    void remove() const;
};

struct Endpoint {
    SocketHandle socket;
    SocketFile file;
};

// Listening and non-blocking, readable and writable by the owner only. Replaces a file that nobody
// answers on.
Result<Endpoint> bind_endpoint(const std::string& path);

// Whether somebody listens at the path. Pipes are always there while their owner lives.
bool is_listened_at(const std::string& path);

Result<LocalPeer> peer_of(int socket);

// A descriptor of the process that listens on what this socket is connected to.
Result<SocketHandle> process_behind(int socket);

// Waits until the process behind such a descriptor has ended.
void wait_for_end(const SocketHandle& process);

bool is_own_user(const LocalPeer& peer);  // The manager's user, or root.

// Writes as much as fits without waiting; never raises SIGPIPE.
void send_at_once(int socket, std::string_view text);

// True if the other side has closed, as opposed to having said all it wanted to say.
bool has_vanished(int socket);

// Some of the text, or of what the other side has sent, when that is possible within `limit`: else
// `timed_out`. `unavailable` when the other side is gone; what it sent last ends with zero bytes.
Result<std::size_t> send_some(int socket, std::string_view text, std::optional<Duration> limit);
Result<std::size_t> receive_some(int socket, std::span<char> into, std::optional<Duration> limit);

// Blocking. `directory` is what the error calls the manager by.
Result<SocketHandle> connect_endpoint(const std::string& path, const std::string& directory);

}  // namespace syspulse::platform
