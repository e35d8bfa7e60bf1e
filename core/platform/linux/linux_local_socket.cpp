#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "platform/local_socket.hpp"

namespace syspulse::platform {
namespace {

constexpr int backlog = 512;

std::string os_message(int number) {
    return std::generic_category().message(number);
}

ErrorCode os_code(int number) {
    if (number == EACCES || number == EPERM) return ErrorCode::permission_denied;
    return ErrorCode::internal;
}

Error endpoint_error(const std::string& path, int number) {
    return {os_code(number), "cannot open control endpoint " + path + ": " + os_message(number)};
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return Error{ErrorCode::invalid_argument, "cannot use control endpoint '" + path +
                                                      "': a socket path has 1 to " +
                                                      std::to_string(sizeof(address.sun_path) - 1) +
                                                      " bytes; choose a shorter one with --socket"};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

// The socket calls take every kind of address through this one type.
const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

int open_socket(int flags) {
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
}

int bind_to(int fd, const sockaddr_un& address) {
    return ::bind(fd, generic(address), sizeof(address)) == 0 ? 0 : errno;
}

// Zero, or why not.
int try_to_connect(const sockaddr_un& address) {
    const SocketHandle probe(open_socket(SOCK_NONBLOCK));
    if (!probe) return errno;
    return ::connect(probe.get(), generic(address), sizeof(address)) == 0 ? 0 : errno;
}

// A full backlog (EAGAIN) means that somebody listens.
bool means_listened_at(int refused) {
    return refused == 0 || refused == EAGAIN;
}

// Removes a socket file on which nobody answers.
Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) {
        return Error{ErrorCode::already_exists,
                     "cannot open control endpoint " + path +
                         ": a file that is not a socket is in "
                         "the way; remove it or choose another path with --socket"};
    }
    const int refused = try_to_connect(address);
    if (means_listened_at(refused)) {
        return Error{ErrorCode::already_exists,
                     "cannot open control endpoint " + path + ": another manager answers on it"};
    }
    if (refused != ECONNREFUSED && refused != ENOENT) return endpoint_error(path, refused);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return endpoint_error(path, errno);
    return {};
}

}  // namespace

SocketHandle::~SocketHandle() {
    if (fd_ >= 0) ::close(fd_);
}

SocketFile SocketFile::at(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return {path, 0, 0};
    return {path, status.st_dev, status.st_ino};
}

bool SocketFile::is_there() const {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void SocketFile::remove() const {
    if (is_there()) ::unlink(path.c_str());
}

Result<Endpoint> bind_endpoint(const std::string& path) {
    const auto address = address_of(path);
    if (!address) return address.error();
    SocketHandle socket(open_socket(SOCK_NONBLOCK));
    if (!socket) return endpoint_error(path, errno);
    // Linux makes the file with the socket's own mode, so it is never open to others, not even for
    // a moment, and the umask of other threads is left alone.
    if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0) return endpoint_error(path, errno);
    int failed = bind_to(socket.get(), *address);
    if (failed == EADDRINUSE) {
        if (auto removed = remove_stale(path, *address); !removed) return removed.error();
        failed = bind_to(socket.get(), *address);
    }
    if (failed != 0) return endpoint_error(path, failed);
    struct stat status {};
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::lstat(path.c_str(), &status) != 0 ||
        ::listen(socket.get(), backlog) != 0) {
        return endpoint_error(path, errno);
    }
    return Endpoint{std::move(socket), {path, status.st_dev, status.st_ino}};
}

bool is_listened_at(const std::string& path) {
    const auto address = address_of(path);
    return address && means_listened_at(try_to_connect(*address));
}

Result<LocalPeer> peer_of(int socket) {
    ucred credentials{};
    socklen_t length = sizeof(credentials);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return Error{os_code(errno), "cannot tell who the control client is: " + os_message(errno)};
    }
    return LocalPeer{credentials.uid, credentials.pid};
}

Result<SocketHandle> process_behind(int socket) {
    const auto peer = peer_of(socket);
    if (!peer) return peer.error();
    // Zero: it has no number in this container.
    SocketHandle process(peer->pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, peer->pid, 0))
                                       : -1);
    if (!process) return Error{ErrorCode::unsupported, "cannot watch the manager's process"};
    return process;
}

void wait_for_end(const SocketHandle& process) {
    pollfd ended{process.get(), POLLIN, 0};
    while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
    }
}

bool is_own_user(const LocalPeer& peer) {
    return peer.uid == ::geteuid() || peer.uid == 0;
}

void send_at_once(int socket, std::string_view text) {
    // What does not fit is lost on purpose: nobody waits for a client that is turned away.
    static_cast<void>(::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

bool has_vanished(int socket) {
    pollfd watched{socket, 0, 0};  // POLLHUP and POLLERR are always reported.
    return ::poll(&watched, 1, 0) > 0 && (watched.revents & (POLLHUP | POLLERR)) != 0;
}

namespace {

// False when the limit has passed first.
bool wait_for(int socket, short events, std::optional<Duration> limit) {
    int timeout_ms = -1;
    if (limit) {
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*limit).count();
        timeout_ms = static_cast<int>(
            std::clamp<std::int64_t>(ms, 0, std::int64_t{std::numeric_limits<int>::max()}));
    }
    pollfd watched{socket, events, 0};
    const int ready = ::poll(&watched, 1, timeout_ms);
    return ready > 0 || (ready < 0 && errno == EINTR);
}

Error too_late() {
    return {ErrorCode::timed_out, "it did not answer in time"};
}

Error lost() {
    return {ErrorCode::unavailable, "the other side closed the connection"};
}

}  // namespace

Result<std::size_t> send_some(int socket, std::string_view text, std::optional<Duration> limit) {
    while (true) {
        const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return lost();
        if (!wait_for(socket, POLLOUT, limit)) return too_late();
    }
}

Result<std::size_t> receive_some(int socket, std::span<char> into, std::optional<Duration> limit) {
    while (true) {
        const auto got = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return lost();
        if (!wait_for(socket, POLLIN, limit)) return too_late();
    }
}

Result<SocketHandle> connect_endpoint(const std::string& path, const std::string& directory) {
    const auto address = address_of(path);
    if (!address) return address.error();
    SocketHandle socket(open_socket(0));
    if (!socket) return endpoint_error(path, errno);
    int failed = 0;
    do {
        failed = ::connect(socket.get(), generic(*address), sizeof(*address)) == 0 ? 0 : errno;
    } while (failed == EINTR);
    if (failed == 0) return socket;
    if (failed == ENOENT || failed == ECONNREFUSED || failed == ENOTDIR) {
        return Error{ErrorCode::unavailable,
                     "no manager is running on " + directory + "; start one with: syspulse daemon"};
    }
    if (os_code(failed) == ErrorCode::permission_denied) {
        return Error{ErrorCode::permission_denied, "cannot connect to " + path + ": " +
                                                       os_message(failed) +
                                                       "; the manager belongs to another user"};
    }
    return endpoint_error(path, failed);
}

}  // namespace syspulse::platform
