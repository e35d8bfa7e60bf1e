#include "api/client.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/client_http.hpp"

namespace syspulse::api {
namespace {

constexpr std::size_t message_bytes_max = 4096;

bool is_clean(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7F'; });
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body) {
    std::string text;
    text.reserve(method.size() + target.size() + body.size() + 128);
    text.append(method).append(" ").append(target);
    text.append(" HTTP/1.1\r\nHost: localhost\r\n");
    if (!body.empty()) text.append("Content-Type: application/json\r\n");
    if (!body.empty() || method != "GET") {
        text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    }
    text.append("\r\n").append(body);
    return text;
}

}  // namespace

Client::Client(std::string socket_path, std::string directory)
    : path_(std::move(socket_path)),
      directory_(directory.empty() ? path_ : std::move(directory)),
      clock_(platform::make_system_clock()) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Response> Client::request(std::string_view method, std::string_view target,
                                 std::string_view body, std::optional<Duration> timeout) {
    if (!is_clean(method) || !is_clean(target)) {
        return Error{ErrorCode::invalid_argument,
                     "cannot send request: method and target must not contain spaces or control "
                     "characters; percent-encode them"};
    }
    return exchange(request_text(method, target, body), method == "GET", timeout, {});
}

Result<Response> Client::stream(std::string_view target, const DataHandler& on_data) {
    if (!is_clean(target)) {
        return Error{ErrorCode::invalid_argument,
                     "cannot send request: the target must not contain spaces or control "
                     "characters; percent-encode them"};
    }
    return exchange(request_text("GET", target, {}), true, {}, on_data);
}

Result<Response> Client::exchange(const std::string& text, bool repeatable,
                                  std::optional<Duration> timeout, const DataHandler& on_data) {
    std::optional<Instant> deadline;
    if (timeout) deadline = clock_->now().mono + *timeout;
    if (connection_ && connection_->reusable()) {
        auto response = connection_->exchange(text, deadline, on_data);
        if (response && !connection_->reusable()) connection_.reset();
        if (response) return response;
        // The manager may have closed the kept connection just when the request was sent.
        const bool again = repeatable && connection_->heard_nothing() &&
                           response.error().code == ErrorCode::unavailable;
        connection_.reset();
        if (!again) return response;
    }
    connection_.reset();
    auto socket = platform::connect_endpoint(path_, directory_);
    if (!socket) return socket.error();
    connection_ = std::make_unique<ClientConnection>(std::move(*socket), *clock_);
    auto response = connection_->exchange(text, deadline, on_data);
    if (!response || !connection_->reusable()) connection_.reset();
    return response;
}

Result<std::function<void()>> watch_for_end(const std::string& socket_path,
                                            const std::string& directory) {
    const auto socket = platform::connect_endpoint(socket_path, directory);
    if (!socket) return socket.error();
    auto process = platform::process_behind(socket->get());
    if (!process) return process.error();
    const auto kept = std::make_shared<platform::SocketHandle>(std::move(*process));
    return std::function<void()>([kept] { platform::wait_for_end(*kept); });
}

RemoteError decode_error(const Response& response) {
    RemoteError error{response.status, "internal", {}};
    const auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (json.is_object() && json.contains("error") && json["error"].is_object()) {
        const auto& object = json["error"];
        if (object.contains("code") && object["code"].is_number_integer()) {
            error.code = object["code"].get<int>();
        }
        if (object.contains("kind") && object["kind"].is_string()) {
            error.kind = object["kind"].get<std::string>();
        }
        if (object.contains("message") && object["message"].is_string()) {
            error.message = object["message"].get<std::string>();
        }
    }
    if (error.message.empty()) error.message = response.body.substr(0, message_bytes_max);
    return error;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view plain = "-._~";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (alphanumeric || plain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto value = static_cast<unsigned char>(c);
        out += '%';
        out += digits[value >> 4U];
        out += digits[value & 15U];
    }
    return out;
}

}  // namespace syspulse::api
