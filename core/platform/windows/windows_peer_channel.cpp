#include "platform/peer_channel.hpp"

namespace syspulse::platform {

Result<std::unique_ptr<PeerChannel>> open_peer_channel(EventLoop&, OwnedHandle, PeerEvents) {
    return Error{ErrorCode::unsupported,
                 "plugins in processes of their own are not supported on Windows yet; let the "
                 "plugin run inside the manager with isolation: none"};
}

}  // namespace syspulse::platform
