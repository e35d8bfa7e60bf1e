// The heads and chunks of answers as text. Nothing that a client sent ever gets into a head.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace syspulse::api {

struct HeadFields {
    int status = 200;
    std::string_view content_type;
    std::optional<std::size_t> content_length;
    bool keep_alive = true;
    bool chunked = false;
    std::string_view allow = {};
};

std::string head_text(const HeadFields& fields);

void append_chunk(std::string& out, std::string_view piece);  // `piece` is not empty.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace syspulse::api
