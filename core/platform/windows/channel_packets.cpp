#include "platform/windows/channel_packets.hpp"

#include <cstring>

namespace syspulse::platform {
namespace {

// Both ends are the same program on the same machine.
struct Header {
    std::uint32_t bytes;
    std::uint32_t handles;
};

}  // namespace

std::string packed(std::string_view bytes, std::span<const std::uint64_t> handles) {
    const Header header{static_cast<std::uint32_t>(bytes.size()),
                        static_cast<std::uint32_t>(handles.size())};
    std::string packet(reinterpret_cast<const char*>(&header), sizeof header);
    packet.append(reinterpret_cast<const char*>(handles.data()), handles.size_bytes());
    return packet.append(bytes);
}

std::optional<Packet> PacketReader::next() {
    Header header{};
    const std::size_t there = bytes_.size() - begin_;
    if (broken_ || there < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes_.data() + begin_, sizeof header);
    if (header.bytes > packet_bytes_max || header.handles > packet_handles_max) {
        broken_ = true;
        return std::nullopt;
    }
    const std::size_t handles_size = header.handles * sizeof(std::uint64_t);
    if (there < sizeof header + handles_size + header.bytes) return std::nullopt;
    Packet packet;
    packet.handles.resize(header.handles);
    const char* const at = bytes_.data() + begin_ + sizeof header;
    if (handles_size > 0) std::memcpy(packet.handles.data(), at, handles_size);
    packet.bytes.assign(at + handles_size, header.bytes);
    begin_ += sizeof header + handles_size + header.bytes;
    if (begin_ == bytes_.size() || begin_ > packet_bytes_max) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    return packet;
}

}  // namespace syspulse::platform
