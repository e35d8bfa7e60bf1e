#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>

#include "platform/linux/linux_error.hpp"
#include "platform/peer_channel.hpp"

namespace syspulse::platform {
namespace {

constexpr std::size_t read_bytes = 64UL * 1024;
constexpr std::size_t handles_max = 16;  // Of one message, in either direction.

union ControlBuffer {
    cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * handles_max)];
};

void attach(msghdr& message, ControlBuffer& control, std::span<const NativeHandle> handles) {
    if (handles.empty()) return;
    std::array<int, handles_max> fds{};
    for (std::size_t i = 0; i < handles.size(); ++i) fds[i] = static_cast<int>(handles[i]);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * handles.size());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * handles.size());
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * handles.size());
}

std::vector<OwnedHandle> detach(msghdr& message) {
    std::vector<OwnedHandle> handles;
    for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof fd);
            handles.emplace_back(fd);
        }
    }
    return handles;
}

class LinuxPeerChannel final : public PeerChannel {
  public:
    LinuxPeerChannel(EventLoop& loop, OwnedHandle handle, PeerEvents events)
        : loop_(loop), handle_(std::move(handle)), events_(std::move(events)) {}
    ~LinuxPeerChannel() override {
        *alive_ = false;
        if (watch_ != 0) loop_.unwatch(watch_);
    }

    Result<void> open() {
        auto watched =
            loop_.watch(handle_.get(), ready_read, [this](std::uint32_t bits) { ready(bits); });
        if (!watched) return watched.error();
        watch_ = *watched;
        return {};
    }

    void send(std::string_view bytes, std::span<const NativeHandle> handles) override {
        if (closed_ || broken_ || handles.size() > handles_max) return;
        std::size_t sent = 0;
        if (queue_.empty()) sent = write_some(bytes, handles);
        if (broken_ || sent == bytes.size()) return;
        Waiting waiting{std::string(bytes.substr(sent)), 0, {}};
        // The handles went with the first byte.
        if (sent == 0) {
            for (const NativeHandle handle : handles) {
                auto copy = duplicate_handle(handle);
                if (!copy) return give_up();
                waiting.handles.push_back(std::move(*copy));
            }
        }
        waiting_bytes_ += waiting.bytes.size();
        queue_.push_back(std::move(waiting));
        loop_.rewatch(watch_, ready_read | ready_write);
    }

    std::size_t waiting_bytes() const override { return waiting_bytes_; }

  private:
    struct Waiting {
        std::string bytes;
        std::size_t sent = 0;
        std::vector<OwnedHandle> handles;
    };

    // How many bytes the peer took.
    std::size_t write_some(std::string_view bytes, std::span<const NativeHandle> handles) {
        iovec part{const_cast<char*>(bytes.data()), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        ControlBuffer control{};
        attach(message, control, handles);
        const ssize_t sent =
            ::sendmsg(static_cast<int>(handle_.get()), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) give_up();
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }

    // What cannot be sent would leave a gap, and trying again and again would keep the loop busy.
    // Reading finds the end, and tells of it as of any lost peer.
    void give_up() {
        broken_ = true;
        queue_.clear();
        waiting_bytes_ = 0;
        loop_.rewatch(watch_, ready_read);
        ::shutdown(static_cast<int>(handle_.get()), SHUT_RDWR);
    }

    void flush() {
        while (!queue_.empty()) {
            Waiting& first = queue_.front();
            std::vector<NativeHandle> handles;
            for (const OwnedHandle& handle : first.handles) handles.push_back(handle.get());
            const std::size_t sent =
                write_some(std::string_view(first.bytes).substr(first.sent), handles);
            if (sent == 0 || broken_) return;
            first.sent += sent;
            waiting_bytes_ -= sent;
            first.handles.clear();
            if (first.sent < first.bytes.size()) return;
            queue_.pop_front();
        }
        loop_.rewatch(watch_, ready_read);
    }

    void ready(std::uint32_t bits) {
        const std::shared_ptr<bool> alive = alive_;
        if ((bits & (ready_read | ready_error)) != 0) read_some();
        if (*alive && !closed_ && (bits & ready_write) != 0) flush();
    }

    void read_some() {
        iovec part{buffer_.data(), buffer_.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        ControlBuffer control{};
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        const ssize_t got =
            ::recvmsg(static_cast<int>(handle_.get()), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        auto handles = detach(message);
        if (got > 0) {
            return events_.received({buffer_.data(), static_cast<std::size_t>(got)},
                                    std::move(handles));
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        closed_ = true;
        loop_.unwatch(std::exchange(watch_, 0));
        events_.closed();
    }

    EventLoop& loop_;
    OwnedHandle handle_;
    PeerEvents events_;
    WatchId watch_ = 0;
    bool closed_ = false;
    bool broken_ = false;  // Nothing can be sent any more.
    std::deque<Waiting> queue_;
    std::size_t waiting_bytes_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::vector<char> buffer_ = std::vector<char>(read_bytes);
};

}  // namespace

Result<std::unique_ptr<PeerChannel>> open_peer_channel(EventLoop& loop, OwnedHandle handle,
                                                       PeerEvents events, NativeHandle) {
    auto channel = std::make_unique<LinuxPeerChannel>(loop, std::move(handle), std::move(events));
    if (auto opened = channel->open(); !opened) return opened.error();
    return std::unique_ptr<PeerChannel>(std::move(channel));
}

}  // namespace syspulse::platform
