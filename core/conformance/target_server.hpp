// A listener on a loopback port that treats whoever connects as told, for checkers whose target
// names a port.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "conformance/kit_system.hpp"

namespace syspulse::conformance {

class TargetServer {
  public:
    enum class Manner : std::uint8_t {
        reply,    // Reads a little and answers with the text.
        silence,  // Accepts and says nothing.
        reset,
        close,
        garbage,
        flood,    // A hundred mebibytes.
        trickle,  // One byte every now and then.
        refuse,   // Nobody listens.
    };

    explicit TargetServer(Manner manner, std::string reply = {});
    ~TargetServer();
    TargetServer(const TargetServer&) = delete;
    TargetServer& operator=(const TargetServer&) = delete;

    // `target` with every {port} replaced.
    std::string in(std::string target) const;

  private:
    void serve();
    void treat(Socket connection) const;

    Manner manner_;
    std::string reply_;
    Socket listener_ = no_socket;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace syspulse::conformance
