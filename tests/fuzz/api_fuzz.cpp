// Fuzzes everything of the control API that meets foreign bytes behind the HTTP parser. The first
// byte chooses the target, the rest is its input:
//   'r'  a request: method, target and body, separated by newlines
//   'd'  a daemon object, as a client reads it
//   'e'  an error body, as a client reads it
//   's'  any bytes, as a string of an answer: must read back as JSON
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/client.hpp"
#include "api/json_codec.hpp"
#include "api/json_writer.hpp"
#include "api/router.hpp"

namespace {

std::string take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
    return std::string(line);
}

void check_json(const std::string& text) {
    if (!nlohmann::json::accept(text)) std::abort();
}

void route_request(std::string_view text) {
    syspulse::api::HttpRequest request;
    request.method = take_line(text);
    request.target = take_line(text);
    request.body = std::string(text);
    const auto routed = syspulse::api::route(std::move(request));
    if (const auto* error = std::get_if<syspulse::api::ApiError>(&routed)) {
        if (error->code < 400 || error->code > 405) std::abort();
        check_json(to_json(*error));
    }
}

void read_daemon(std::string_view text) {
    const auto daemon = syspulse::api::parse_daemon(text);
    if (daemon) check_json(syspulse::api::to_json(*daemon));
}

void write_string(std::string_view text) {
    syspulse::api::JsonWriter writer;
    writer.string(text);
    check_json(std::move(writer).take());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0]) {
        case 'r':
            route_request(text);
            break;
        case 'd':
            read_daemon(text);
            break;
        case 'e':
            syspulse::api::decode_error({500, std::string(text)});
            break;
        case 's':
            write_string(text);
            break;
        default:
            break;
    }
    return 0;
}
