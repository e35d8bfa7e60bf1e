// An error as the API gives it: {"error":{"code","kind","message"}} with the HTTP status = code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace syspulse::api {

struct ApiError {
    int code = 500;
    std::string kind = "internal";
    std::string message;
    std::string_view allow = {};  // 405: the methods that the path knows, for the Allow header.
};

// What a request was about, which decides the kind of some errors.
enum class Subject : std::uint8_t { other, daemon, spec };

ApiError to_api_error(const Error& error, Subject subject);

ApiError bad_request(std::string message);  // 400 "invalid_request"

std::string to_json(const ApiError& error);

}  // namespace syspulse::api
