// Waits for sockets to become ready, on a thread of its own, and tells once per arm(). For the
// inside of core/platform/windows.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {

class SocketPoller {
  public:
    // [the poller's thread]
    using Tell = std::function<void(WatchId id, std::uint32_t ready_bits)>;

    SocketPoller() = default;
    SocketPoller(const SocketPoller&) = delete;
    SocketPoller& operator=(const SocketPoller&) = delete;
    ~SocketPoller();

    // Once, before anything else. The thread comes with the first socket.
    Result<void> start(Tell tell);

    // Tells when the socket is ready for one of `interest`, then no more until it is armed again.
    // Arming replaces what was armed for the id; without interest it takes it out. [loop thread]
    void arm(WatchId id, SOCKET socket, std::uint32_t interest);
    // The socket may be closed afterwards. [loop thread]
    void disarm(WatchId id);

  private:
    struct Armed {
        SOCKET socket = INVALID_SOCKET;
        std::uint32_t interest = 0;
    };
    class Set;
    class Sets;

    void run();
    void wake();
    void tell_ready(const Sets& sets);
    void tell_closed();

    Tell tell_;
    SOCKET wake_read_ = INVALID_SOCKET;  // A datagram socket that sends to itself.
    std::mutex mutex_;                   // Guards what follows.
    std::unordered_map<WatchId, Armed> armed_;
    bool ending_ = false;
    bool woken_ = false;
    std::thread thread_;
};

}  // namespace syspulse::platform
