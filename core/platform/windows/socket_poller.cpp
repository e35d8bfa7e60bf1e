// On select(): of what Windows has it is the one that tells readiness of foreign sockets,
// level-triggered, without changing them, and that reports a refused connection. Its sets may be of
// any size when one makes them oneself.
#include "platform/windows/socket_poller.hpp"

#include <algorithm>

#include "platform/windows/windows_error.hpp"

namespace syspulse::platform {
namespace {

bool is_open(SOCKET socket) {
    int type = 0;
    int size = sizeof type;
    return ::getsockopt(socket, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) == 0;
}

}  // namespace

// Winsock's fd_set is a count and that many sockets.
class SocketPoller::Set {
  public:
    void add(SOCKET socket) { words_.push_back(socket); }
    fd_set* prepare() {
        words_[0] = words_.size() - 1;  // The count is the lower half of the first word.
        return words_[0] == 0 ? nullptr : reinterpret_cast<fd_set*>(words_.data());
    }
    // After select(): those that are ready, first in the array.
    bool has(SOCKET socket) const {
        if (words_.size() == 1) return false;
        const auto count = static_cast<std::ptrdiff_t>(static_cast<u_int>(words_[0]));
        return std::find(words_.begin() + 1, words_.begin() + 1 + count, socket) !=
               words_.begin() + 1 + count;
    }

  private:
    static_assert(offsetof(fd_set, fd_array) == sizeof(SOCKET));
    std::vector<SOCKET> words_ = {0};  // The first holds the count.
};

class SocketPoller::Sets {
  public:
    explicit Sets(SOCKET wake) { read_.add(wake); }

    void add(WatchId id, const Armed& armed) {
        if ((armed.interest & ready_read) != 0) read_.add(armed.socket);
        if ((armed.interest & ready_write) != 0) write_.add(armed.socket);
        failed_.add(armed.socket);
        armed_.emplace_back(id, armed);
    }
    bool wait() {
        return ::select(0, read_.prepare(), write_.prepare(), failed_.prepare(), nullptr) !=
               SOCKET_ERROR;
    }
    bool is_readable(SOCKET socket) const { return read_.has(socket); }
    std::uint32_t bits(SOCKET socket) const {
        return (read_.has(socket) ? ready_read : 0U) | (write_.has(socket) ? ready_write : 0U) |
               (failed_.has(socket) ? ready_error : 0U);
    }
    const std::vector<std::pair<WatchId, Armed>>& armed() const { return armed_; }

  private:
    Set read_;
    Set write_;
    Set failed_;
    std::vector<std::pair<WatchId, Armed>> armed_;
};

SocketPoller::~SocketPoller() {
    if (thread_.joinable()) {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        wake();
        thread_.join();
    }
    if (wake_read_ == INVALID_SOCKET) return;
    ::closesocket(wake_read_);
    ::WSACleanup();
}

Result<void> SocketPoller::start(Tell tell) {
    tell_ = std::move(tell);
    WSADATA data{};
    const int failed = ::WSAStartup(MAKEWORD(2, 2), &data);
    if (failed != 0) return os_error("cannot prepare the event loop", static_cast<DWORD>(failed));
    wake_read_ =
        ::WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0, WSA_FLAG_NO_HANDLE_INHERIT);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    int size = sizeof address;
    u_long non_blocking = 1;
    if (wake_read_ == INVALID_SOCKET || ::bind(wake_read_, generic, size) != 0 ||
        ::getsockname(wake_read_, generic, &size) != 0 ||
        ::connect(wake_read_, generic, size) != 0 ||
        ::ioctlsocket(wake_read_, static_cast<long>(FIONBIO), &non_blocking) != 0) {
        return os_error("cannot prepare the event loop", static_cast<DWORD>(::WSAGetLastError()));
    }
    return {};
}

void SocketPoller::wake() {
    const char byte = 0;
    static_cast<void>(::send(wake_read_, &byte, 1, 0));
}

void SocketPoller::arm(WatchId id, SOCKET socket, std::uint32_t interest) {
    if (interest == 0) return disarm(id);
    {
        const std::lock_guard lock(mutex_);
        armed_[id] = {socket, interest};
        if (std::exchange(woken_, true)) return;
    }
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    wake();
}

// The thread may still wait for the socket; it learns at its next turn, and select() fails for one
// that is closed.
void SocketPoller::disarm(WatchId id) {
    {
        const std::lock_guard lock(mutex_);
        if (armed_.erase(id) == 0 || std::exchange(woken_, true)) return;
    }
    wake();
}

void SocketPoller::run() {
    for (;;) {
        Sets sets(wake_read_);
        {
            const std::lock_guard lock(mutex_);
            if (ending_) return;
            woken_ = false;
            for (const auto& [id, armed] : armed_) sets.add(id, armed);
        }
        if (!sets.wait()) {
            tell_closed();
            continue;
        }
        char bytes[64];
        while (sets.is_readable(wake_read_) && ::recv(wake_read_, bytes, sizeof bytes, 0) > 0) {
        }
        tell_ready(sets);
    }
}

void SocketPoller::tell_ready(const Sets& sets) {
    for (const auto& [id, armed] : sets.armed()) {
        const std::uint32_t bits = sets.bits(armed.socket);
        if (bits == 0) continue;
        {
            // Armed anew or no more: that is for the next turn.
            const std::lock_guard lock(mutex_);
            const auto found = armed_.find(id);
            if (found == armed_.end() || found->second.socket != armed.socket) continue;
            armed_.erase(found);
        }
        tell_(id, bits);
    }
}

// A socket that was closed while it was armed would keep the thread busy; its owner hears of an
// error instead.
void SocketPoller::tell_closed() {
    std::vector<WatchId> closed;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, armed] : armed_) {
            if (!is_open(armed.socket)) closed.push_back(id);
        }
        for (const WatchId id : closed) armed_.erase(id);
    }
    for (const WatchId id : closed) tell_(id, ready_error);
}

}  // namespace syspulse::platform
