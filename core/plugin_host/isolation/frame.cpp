#include "plugin_host/isolation/frame.hpp"

#include <bit>
#include <utility>

namespace syspulse::plugin_host {
namespace {

constexpr unsigned bits_per_byte = 8;

std::uint64_t number_at(std::string_view bytes, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;) {
        value = (value << bits_per_byte) | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

Error violation(std::string what) {
    return {ErrorCode::corrupt, "garbage on the channel: " + std::move(what)};
}

}  // namespace

FrameWriter::FrameWriter(FrameType type, std::uint64_t id, std::size_t handles) {
    number(0, 4);
    number(static_cast<std::uint16_t>(type), 2);
    number(handles, 2);
    number(id, 8);
}

FrameWriter& FrameWriter::number(std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
        bytes_.push_back(static_cast<char>(value & 0xFF));
        value >>= bits_per_byte;
    }
    return *this;
}

FrameWriter& FrameWriter::f64(double value) {
    return u64(std::bit_cast<std::uint64_t>(value));
}

FrameWriter& FrameWriter::text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
    return *this;
}

FrameWriter& FrameWriter::texts(const std::vector<std::string>& values) {
    u32(static_cast<std::uint32_t>(values.size()));
    for (const std::string& value : values) text(value);
    return *this;
}

std::string FrameWriter::take() {
    const auto length = static_cast<std::uint32_t>(bytes_.size());
    for (unsigned i = 0; i < 4; ++i) {
        bytes_[i] = static_cast<char>((length >> (bits_per_byte * i)) & 0xFF);
    }
    return std::move(bytes_);
}

std::string with_frame_id(std::string frame, std::uint64_t id) {
    constexpr std::size_t id_at = 8;
    for (std::size_t i = 0; i < sizeof id; ++i) {
        frame[id_at + i] = static_cast<char>((id >> (bits_per_byte * i)) & 0xFF);
    }
    return frame;
}

std::uint64_t FrameReader::number(std::size_t bytes) {
    if (!ok_ || rest_.size() < bytes) {
        ok_ = false;
        return 0;
    }
    const std::uint64_t value = number_at(rest_, bytes);
    rest_.remove_prefix(bytes);
    return value;
}

double FrameReader::f64() {
    return std::bit_cast<double>(u64());
}

std::string FrameReader::text() {
    const std::uint32_t length = u32();
    if (!ok_ || rest_.size() < length) {
        ok_ = false;
        return {};
    }
    std::string value(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return value;
}

std::vector<std::string> FrameReader::texts() {
    std::vector<std::string> values;
    // Each text takes bytes of the body, so that a false count ends the loop soon.
    for (std::uint32_t left = u32(); left > 0 && ok_; --left) values.push_back(text());
    if (!ok_) values.clear();
    return values;
}

void FrameSplitter::add(std::string_view bytes, std::vector<platform::OwnedHandle> handles) {
    if (begin_ > 0) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    bytes_.append(bytes);
    for (auto& handle : handles) handles_.push_back(std::move(handle));
}

// Whatever is there of a frame, it can have no more handles than one frame takes: a peer that sends
// more could use up the descriptors of this process.
Result<std::optional<Frame>> FrameSplitter::incomplete() const {
    if (handles_.size() > frame_handles_max) return violation("handles that no frame announces");
    return std::optional<Frame>();
}

Result<std::optional<Frame>> FrameSplitter::next() {
    const std::string_view rest = std::string_view(bytes_).substr(begin_);
    if (rest.size() < frame_header_bytes) return incomplete();
    const std::uint64_t length = number_at(rest, 4);
    if (length < frame_header_bytes || length > frame_bytes_max) {
        return violation("a frame of " + std::to_string(length) + " bytes");
    }
    const std::uint64_t handles = number_at(rest.substr(6), 2);
    if (handles > frame_handles_max) {
        return violation("a frame with " + std::to_string(handles) + " handles");
    }
    if (rest.size() < length) return incomplete();
    // Handles arrive with the first byte of their frame at the latest.
    if (handles_.size() < handles) return violation("a frame without the handles it announces");
    Frame frame;
    frame.type = static_cast<FrameType>(number_at(rest.substr(4), 2));
    frame.id = number_at(rest.substr(8), 8);
    frame.body = rest.substr(frame_header_bytes, length - frame_header_bytes);
    for (std::uint64_t i = 0; i < handles; ++i) {
        frame.handles.push_back(std::move(handles_.front()));
        handles_.pop_front();
    }
    begin_ += length;
    if (begin_ == bytes_.size() && !handles_.empty()) {
        return violation("handles that no frame announces");
    }
    return std::optional<Frame>(std::move(frame));
}

}  // namespace syspulse::plugin_host
