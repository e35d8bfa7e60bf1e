// A private two-way stream of bytes and handles to a process of ours. Never blocks: what the peer
// does not take waits here.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/event_loop.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::platform {

// What a channel tells. It may be destroyed from inside of these calls.
struct PeerEvents {
    // Handles arrive no later than with the last byte that was sent together with them.
    std::function<void(std::string_view bytes, std::vector<OwnedHandle> handles)> received;
    std::function<void()> closed;  // Once; nothing more can be sent or received.
};

// [loop thread]
class PeerChannel {
  public:
    virtual ~PeerChannel() = default;
    // Handles are borrowed for the call; `bytes` must not be empty.
    virtual void send(std::string_view bytes, std::span<const NativeHandle> handles) = 0;
    virtual std::size_t waiting_bytes() const = 0;
};

// `peer` is the process at the other end where we started it, and nothing in the process that was
// started; borrowed for the call.
Result<std::unique_ptr<PeerChannel>> open_peer_channel(EventLoop& loop, OwnedHandle handle,
                                                       PeerEvents events,
                                                       NativeHandle peer = no_handle);

}  // namespace syspulse::platform
