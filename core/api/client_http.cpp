#include <utility>

#include "api/client_http.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>

namespace syspulse::api {
namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::size_t client_read_bytes = 64 * 1024;

Error lost() {
    return {ErrorCode::unavailable, "cannot read answer: the manager closed the connection"};
}

Error explain(const Error& failure) {
    if (failure.code != ErrorCode::timed_out) return lost();
    return failure.with("cannot get answer of the manager");
}

Error unreadable(const std::string& why) {
    return {ErrorCode::corrupt, "cannot read answer of the manager: " + why};
}

// Feeds the parser with `input`, which keeps what is not used. False means: give me more.
Result<bool> feed(Parser& parser, std::string& input) {
    while (!parser.is_done() && !input.empty()) {
        boost::system::error_code error;
        const std::size_t used = parser.put(boost::asio::buffer(input), error);
        input.erase(0, used);
        if (error == http::error::need_more) break;
        if (error) return unreadable(error.message());
        if (used == 0) break;
    }
    return parser.is_done();
}

// Hands on what has come of the body. False: the handler has enough.
bool hand_on(Parser& parser, const DataHandler& on_data) {
    if (!on_data || !parser.is_header_done() || parser.get().result_int() != 200) return true;
    std::string& body = parser.get().body();
    if (body.empty()) return true;
    const bool go_on = on_data(body);
    body.clear();
    return go_on;
}

}  // namespace

bool ClientConnection::reusable() const {
    return complete_ && !platform::has_vanished(socket_.get());
}

bool ClientConnection::heard_nothing() const {
    return heard_nothing_;
}

std::optional<Duration> ClientConnection::left(std::optional<Instant> deadline) const {
    if (!deadline) return std::nullopt;
    return std::max(*deadline - clock_.now().mono, Duration{0});
}

Result<void> ClientConnection::send(std::string_view text, std::optional<Instant> deadline) {
    while (!text.empty()) {
        const auto sent = platform::send_some(socket_.get(), text, left(deadline));
        if (!sent) return explain(sent.error());
        text.remove_prefix(*sent);
    }
    return {};
}

Result<std::size_t> ClientConnection::receive(std::span<char> into,
                                              std::optional<Instant> deadline) {
    auto got = platform::receive_some(socket_.get(), into, left(deadline));
    if (!got) return explain(got.error());
    return got;
}

Result<Response> ClientConnection::exchange(std::string_view text, std::optional<Instant> deadline,
                                            const DataHandler& on_data) {
    complete_ = false;
    heard_nothing_ = true;
    // A manager that refuses a request answers before it has read all of it: what counts is whether
    // there is an answer.
    const auto sent = send(text, deadline);
    if (!sent && sent.error().code == ErrorCode::timed_out) return sent.error();

    Parser parser;
    parser.eager(true);
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    std::string input;
    std::array<char, client_read_bytes> piece;  // NOLINT: filled by receive().
    while (!parser.is_done()) {
        const auto got = receive(piece, deadline);
        if (!got) return got.error();
        if (*got == 0) {
            boost::system::error_code error;
            if (parser.got_some()) parser.put_eof(error);
            if (!parser.got_some() || error) return lost();
            break;
        }
        heard_nothing_ = false;
        input.append(piece.data(), *got);
        if (auto fed = feed(parser, input); !fed) return fed.error();
        if (!hand_on(parser, on_data)) return Response{200, {}};
    }
    hand_on(parser, on_data);
    complete_ = sent.has_value() && input.empty() && parser.keep_alive();
    const int status = static_cast<int>(parser.get().result_int());
    return Response{status, std::move(parser.get().body())};
}

}  // namespace syspulse::api
