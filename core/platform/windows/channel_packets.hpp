// What goes through the channel to a helper: pieces of the stream, each with the handles that come
// along, as values that mean something to the receiver or the sender; see peer_channel.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace syspulse::platform {

constexpr std::size_t packet_bytes_max = 64UL * 1024 * 1024;
constexpr std::size_t packet_handles_max = 16;

struct Packet {
    std::string bytes;
    std::vector<std::uint64_t> handles;
};

std::string packed(std::string_view bytes, std::span<const std::uint64_t> handles);

// The bytes come from a process that nobody trusts.
class PacketReader {
  public:
    void add(std::string_view bytes) { bytes_.append(bytes); }
    // The next whole packet; nothing when it is not there yet, or will never be.
    std::optional<Packet> next();
    bool broken() const noexcept { return broken_; }

  private:
    std::string bytes_;
    std::size_t begin_ = 0;
    bool broken_ = false;
};

}  // namespace syspulse::platform
