#include "api/api_error.hpp"

#include <utility>

#include "api/json_writer.hpp"

namespace syspulse::api {

ApiError to_api_error(const Error& error, Subject subject) {
    switch (error.code) {
        case ErrorCode::invalid_argument:
            return {400, subject == Subject::spec ? "invalid_spec" : "invalid_request",
                    error.message};
        case ErrorCode::permission_denied:
            return {403, "permission_denied", error.message};
        case ErrorCode::not_found:
            return {404, subject == Subject::daemon ? "daemon_not_found" : "not_found",
                    error.message};
        case ErrorCode::already_exists:
            return {409, "already_exists", error.message};
        case ErrorCode::invalid_state:
            return {409, "invalid_state", error.message};
        case ErrorCode::cancelled:
            return {409, "cancelled", error.message};
        case ErrorCode::timed_out:
            return {504, "timed_out", error.message};
        case ErrorCode::unavailable:
        case ErrorCode::unsupported:
        case ErrorCode::corrupt:
        case ErrorCode::failed:
        case ErrorCode::internal:
            break;
    }
    return {500, std::string(to_string(error.code)), error.message};
}

ApiError bad_request(std::string message) {
    return {400, "invalid_request", std::move(message)};
}

std::string to_json(const ApiError& error) {
    JsonWriter json;
    json.begin_object();
    json.key("error");
    json.begin_object();
    json.key("code");
    json.integer(error.code);
    json.key("kind");
    json.string(error.kind);
    json.key("message");
    json.string(error.message);
    json.end_object();
    json.end_object();
    return std::move(json).take();
}

}  // namespace syspulse::api
