#include "api/http_text.hpp"

#include <array>
#include <charconv>

namespace syspulse::api {
namespace {

std::string_view reason_of(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 431:
            return "Request Header Fields Too Large";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Internal Server Error";
    }
}

}  // namespace

std::string head_text(const HeadFields& fields) {
    std::string out = "HTTP/1.1 " + std::to_string(fields.status) + " ";
    out += reason_of(fields.status);
    out += "\r\nContent-Type: ";
    out += fields.content_type;
    if (fields.content_length) {
        out += "\r\nContent-Length: " + std::to_string(*fields.content_length);
    }
    if (fields.chunked) out += "\r\nTransfer-Encoding: chunked";
    if (!fields.allow.empty()) {
        out += "\r\nAllow: ";
        out += fields.allow;
    }
    out += "\r\nCache-Control: no-store\r\nConnection: ";
    out += fields.keep_alive ? "keep-alive\r\n\r\n" : "close\r\n\r\n";
    return out;
}

void append_chunk(std::string& out, std::string_view piece) {
    std::array<char, 16> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
    out.append(digits.data(), end);
    out += "\r\n";
    out += piece;
    out += "\r\n";
}

}  // namespace syspulse::api
