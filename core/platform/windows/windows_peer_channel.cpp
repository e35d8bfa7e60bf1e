// A two-way pipe. Handles do not travel through pipes: the manager, which may do anything with the
// process that it has started, copies them into it and out of it, and the helper, which may do
// nothing with the manager, only tells and is told their values.
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/windows/stream_handle.hpp>

#include <memory>
#include <utility>

#include "platform/asio_context.hpp"
#include "platform/peer_channel.hpp"
#include "platform/windows/channel_packets.hpp"
#include "platform/windows/windows_error.hpp"

namespace syspulse::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t piece_of_channel = 64UL * 1024;

UniqueHandle copied_handle(HANDLE from, HANDLE handle, HANDLE to, DWORD how) {
    HANDLE copy = nullptr;
    ::DuplicateHandle(from, handle, to, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS | how);
    return UniqueHandle(copy);
}

// Lives as long as something is under way on the pipe.
class PeerPipe : public std::enable_shared_from_this<PeerPipe> {
  public:
    PeerPipe(asio::io_context& context, HANDLE pipe, UniqueHandle peer, PeerEvents events)
        : pipe_(context, pipe), peer_(std::move(peer)), events_(std::move(events)) {}

    void send(std::string_view bytes, std::span<const NativeHandle> handles) {
        if (closed_ || handles.size() > packet_handles_max) return;
        std::vector<std::uint64_t> values;
        for (const NativeHandle handle : handles) values.push_back(given(handle_of(handle)));
        write(std::make_shared<const std::string>(packed(bytes, values)));
    }
    std::size_t waiting_bytes() const { return waiting_bytes_; }

    void read() {
        pipe_.async_read_some(asio::buffer(buffer_),
                              [self = shared_from_this()](error_code error, std::size_t bytes) {
                                  self->came(error, bytes);
                              });
    }
    // Nothing is told any more. What was sent before stays readable for the peer.
    void leave() {
        left_ = true;
        closed_ = true;
        error_code ignored;
        pipe_.close(ignored);
    }

  private:
    // What the peer is told of a handle that goes to it.
    std::uint64_t given(HANDLE handle) const {
        const HANDLE self = ::GetCurrentProcess();
        const HANDLE to = peer_ ? peer_.get() : self;
        // The peer closes it, or the manager does so for it; see taken().
        return static_cast<std::uint64_t>(native_of(copied_handle(self, handle, to, 0).release()));
    }
    // A handle by what the peer has told of it.
    OwnedHandle taken(std::uint64_t value) const {
        const auto told = static_cast<NativeHandle>(value);
        if (told == 0) return {};  // It could not be copied.
        if (!peer_) return OwnedHandle(told);
        auto copy = copied_handle(peer_.get(), handle_of(told), ::GetCurrentProcess(),
                                  DUPLICATE_CLOSE_SOURCE);
        return copy ? OwnedHandle(native_of(copy.release())) : OwnedHandle();
    }

    // Begun at once, so that it is in the pipe when the process ends right afterwards. Windows
    // keeps the order, and does each as a whole.
    void write(std::shared_ptr<const std::string> packet) {
        waiting_bytes_ += packet->size();
        pipe_.async_write_some(asio::buffer(*packet), [self = shared_from_this(), packet](
                                                          error_code error, std::size_t bytes) {
            self->waiting_bytes_ -= packet->size();
            // Reading finds the end, and tells of it as of any lost peer.
            if (error || bytes != packet->size()) self->closed_ = true;
        });
    }
    void came(error_code error, std::size_t bytes) {
        if (left_) return;
        if (error) return end();
        reader_.add({buffer_.data(), bytes});
        while (auto packet = reader_.next()) {
            std::vector<OwnedHandle> handles;
            for (const std::uint64_t value : packet->handles) handles.push_back(taken(value));
            events_.received(packet->bytes, std::move(handles));
            if (left_) return;
        }
        if (reader_.broken()) return end();
        read();
    }
    void end() {
        closed_ = true;
        events_.closed();
    }

    asio::windows::stream_handle pipe_;
    UniqueHandle peer_;  // None in a helper.
    PeerEvents events_;
    PacketReader reader_;
    bool closed_ = false;
    bool left_ = false;
    std::size_t waiting_bytes_ = 0;
    std::vector<char> buffer_ = std::vector<char>(piece_of_channel);
};

class WindowsPeerChannel final : public PeerChannel {
  public:
    explicit WindowsPeerChannel(std::shared_ptr<PeerPipe> channel) : channel_(std::move(channel)) {}
    WindowsPeerChannel(const WindowsPeerChannel&) = delete;
    WindowsPeerChannel& operator=(const WindowsPeerChannel&) = delete;
    ~WindowsPeerChannel() override { channel_->leave(); }

    void send(std::string_view bytes, std::span<const NativeHandle> handles) override {
        channel_->send(bytes, handles);
    }
    std::size_t waiting_bytes() const override { return channel_->waiting_bytes(); }

  private:
    std::shared_ptr<PeerPipe> channel_;
};

}  // namespace

Result<std::unique_ptr<PeerChannel>> open_peer_channel(EventLoop& loop, OwnedHandle handle,
                                                       PeerEvents events, NativeHandle peer) {
    UniqueHandle process;
    if (peer != no_handle) {
        const HANDLE self = ::GetCurrentProcess();
        process = copied_handle(self, handle_of(peer), self, 0);
        if (!process) return os_error("cannot keep hold of a plugin host");
    }
    try {
        auto channel = std::make_shared<PeerPipe>(asio_context(loop), handle_of(handle.get()),
                                                  std::move(process), std::move(events));
        static_cast<void>(handle.release());
        channel->read();
        return std::unique_ptr<PeerChannel>(
            std::make_unique<WindowsPeerChannel>(std::move(channel)));
    } catch (const boost::system::system_error& failed) {
        return os_error("cannot watch a channel", static_cast<DWORD>(failed.code().value()));
    }
}

}  // namespace syspulse::platform
