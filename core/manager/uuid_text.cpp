#include "manager/uuid_text.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace syspulse::manager {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t length = 36;

constexpr bool dash_before(std::size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

// Nothing of what written() would not give back.
std::optional<Bytes> bytes_of(std::string_view text) {
    if (text.size() != length) return std::nullopt;
    Bytes bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (dash_before(i)) {
            if (!text.starts_with('-')) return std::nullopt;
            text.remove_prefix(1);
        }
        const std::size_t high = digits.find(text[0]);
        const std::size_t low = digits.find(text[1]);
        if (high == digits.npos || low == digits.npos) return std::nullopt;
        bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
        text.remove_prefix(2);
    }
    return bytes;
}

std::string written(const Bytes& bytes) {
    std::string text;
    text.reserve(length);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (dash_before(i)) text += '-';
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

}  // namespace

UuidText::UuidText(const std::string& text) {
    if (const auto bytes = bytes_of(text)) {
        bytes_ = *bytes;
    } else {
        other_ = text;
    }
}

std::string UuidText::text() const {
    return other_.empty() ? written(bytes_) : other_.text();
}

}  // namespace syspulse::manager
