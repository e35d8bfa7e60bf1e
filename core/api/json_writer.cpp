#include "api/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.hpp"

namespace syspulse::api {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

void append_control(std::string& out, char c) {
    switch (c) {
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        default:
            break;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(c);
    out += "\\u00";
    out += digits[value >> 4U];
    out += digits[value & 15U];
}

void append_escaped(std::string& out, std::string_view text) {
    std::size_t plain = 0;  // Start of what can be copied as it is.
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        // Most text is plain ASCII, which needs no closer look.
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        const std::size_t length = utf8_sequence_length(text.substr(i));
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
        if (length > 1) {
            i += length;
            continue;
        }
        out.append(text, plain, i - plain);
        if (length == 0) {
            out += replacement;
        } else if (control) {
            append_control(out, c);
        } else {
            out += '\\';
            out += c;
        }
        plain = ++i;
    }
    out.append(text, plain);
}

}  // namespace

void JsonWriter::separate() {
    if (comma_) text_ += ',';
    comma_ = true;
}

void JsonWriter::open(char bracket) {
    separate();
    text_ += bracket;
    comma_ = false;
}

void JsonWriter::close(char bracket) {
    text_ += bracket;
    comma_ = true;
}

void JsonWriter::key(std::string_view name) {
    string(name);
    text_ += ':';
    comma_ = false;
}

void JsonWriter::string(std::string_view text) {
    separate();
    text_ += '"';
    append_escaped(text_, text);
    text_ += '"';
}

void JsonWriter::number(double value) {
    if (!std::isfinite(value)) return null();
    separate();
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    text_.append(digits.data(), end);
}

void JsonWriter::boolean(bool value) {
    separate();
    text_ += value ? "true" : "false";
}

void JsonWriter::null() {
    separate();
    text_ += "null";
}

void JsonWriter::raw(std::string_view json) {
    separate();
    text_ += json;
}

}  // namespace syspulse::api
