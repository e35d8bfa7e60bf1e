#include <utility>

#include "api/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include "api/http_text.hpp"
#include "api/router.hpp"

namespace syspulse::api {
namespace {

namespace http = boost::beast::http;
namespace asio = boost::asio;

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t chunk_bytes = 64 * 1024;
// A chunked body's framing is the only thing that can pile up in the buffer beside a header.
constexpr std::size_t framing_slack = 64 * 1024;

bool is_follow(const ParsedCall& call) {
    const auto* logs = std::get_if<LogsCall>(&call);
    const auto* events = std::get_if<EventsCall>(&call);
    return (logs != nullptr && logs->query.follow) || (events != nullptr && events->query.follow);
}

}  // namespace

Connection::Connection(const Environment& environment, platform::LocalStream stream, Peer peer)
    : env_(environment), peer_(peer), socket_(std::move(stream)), timer_(environment.context) {}

void Connection::start() {
    arm(env_.limits.idle_deadline);
    read_more();
}

void Connection::close() {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    disarm();
    stream_.reset();
    if (given_up_) *given_up_ = true;
    socket_.close();
    env_.owner.connection_closed(shared_from_this());
}

void Connection::close_when_idle() {
    keep_alive_ = false;
    if (phase_ == Phase::idle || phase_ == Phase::receiving) close();
}

std::chrono::steady_clock::duration Connection::owes_for() const {
    if (phase_ != Phase::idle && phase_ != Phase::receiving) return {};
    // By the timer's own clock: the deadline was set when the debt began.
    return asio::steady_timer::clock_type::now() - (timer_.expiry() - armed_for_);
}

void Connection::read_more() {
    if (reading_ || end_of_input_ || phase_ == Phase::closed) return;
    reading_ = true;
    // Not into input_: what it holds is taken out, and moved, while this waits.
    incoming_.resize(read_bytes);
    socket_.read_some(
        asio::buffer(incoming_),
        [self = shared_from_this()](ErrorCode error, std::size_t n) { self->on_read(error, n); });
}

void Connection::on_read(ErrorCode error, std::size_t bytes) {
    reading_ = false;
    if (phase_ == Phase::closed) return;
    if (error == asio::error::eof) return on_end_of_input();
    if (error) return close();
    input_.commit(asio::buffer_copy(input_.prepare(bytes), asio::buffer(incoming_, bytes)));
    if (phase_ == Phase::lingering) input_.consume(input_.size());
    if (phase_ == Phase::idle || phase_ == Phase::receiving) return parse();
    read_ahead();
}

// While an answer is due: notices a vanished client. Many requests sent ahead wait in the socket.
void Connection::read_ahead() {
    if (input_.size() < read_bytes) read_more();
}

void Connection::on_end_of_input() {
    end_of_input_ = true;
    // One that follows would never end by itself.
    const bool answer_due = phase_ == Phase::answering || phase_ == Phase::writing ||
                            (phase_ == Phase::streaming && !follows_);
    if (!answer_due || platform::has_vanished(socket_.handle())) return close();
}

void Connection::parse() {
    if (!parser_) {
        parser_.emplace();
        parser_->eager(true);
        parser_->header_limit(static_cast<std::uint32_t>(env_.limits.header_bytes));
        parser_->body_limit(env_.limits.body_bytes);
    }
    ErrorCode error;
    const std::size_t used = parser_->put(input_.data(), error);
    input_.consume(used);
    if (error == http::error::need_more) error = {};
    if (error) return refuse(error);
    if (parser_->is_done()) return handle_request();
    if (input_.size() > env_.limits.header_bytes + framing_slack) {
        return refuse(http::error::header_limit);
    }
    after_partial_request();
}

// The deadline counts from the request's first byte, so that a byte a second does not prolong it.
void Connection::after_partial_request() {
    if (phase_ == Phase::idle) {
        phase_ = Phase::receiving;
        arm(env_.limits.request_deadline);
    }
    if (parser_->is_header_done() && !continued_ && parser_->get().version() >= 11) {
        const auto expect = parser_->get().find(http::field::expect);
        if (expect != parser_->get().end() &&
            boost::beast::iequals(expect->value(), "100-continue")) {
            send_continue();
        }
    }
    read_more();
}

void Connection::send_continue() {
    continued_ = true;
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    ErrorCode ignored;
    // The socket's buffer is empty here; a client that lets it be full does without.
    socket_.write_now(asio::buffer(go_on.data(), go_on.size()), ignored);
}

void Connection::refuse(const ErrorCode& error) {
    keep_alive_ = false;
    linger_ = true;
    head_only_ = false;
    if (error == http::error::body_limit) {
        send_error({413, "too_large",
                    "cannot read request: its body is longer than " +
                        std::to_string(env_.limits.body_bytes) + " bytes"});
    } else if (error == http::error::header_limit) {
        send_error({431, "too_large",
                    "cannot read request: its header is longer than " +
                        std::to_string(env_.limits.header_bytes) + " bytes"});
    } else {
        send_error(bad_request("cannot read request: it is not HTTP/1.1: " + error.message()));
    }
}

void Connection::handle_request() {
    auto message = parser_->release();
    parser_.reset();
    continued_ = false;
    keep_alive_ = keep_alive_ && message.keep_alive();
    chunked_ = message.version() >= 11;
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.body = std::move(message.body());
    head_only_ = request.method == "HEAD";
    linger_ = false;
    phase_ = Phase::answering;
    ++serial_;
    disarm();
    read_ahead();

    auto call = route(std::move(request));
    if (const auto* error = std::get_if<ApiError>(&call)) return send_error(*error);
    if (is_follow(std::get<ParsedCall>(call))) {
        if (env_.owner.stream_count() >= env_.limits.streams) {
            return send_error({503, "unavailable",
                               "cannot follow: " + std::to_string(env_.limits.streams) +
                                   " clients follow logs or events already; end one of them, or "
                                   "ask without following"});
        }
        follows_ = true;
    }
    if (auto* logs = std::get_if<LogsCall>(&std::get<ParsedCall>(call))) {
        given_up_ = std::make_shared<std::atomic<bool>>(false);
        logs->query.given_up = given_up_;
    }
    dispatch(std::get<ParsedCall>(std::move(call)), env_.service, peer_, readable_handler(),
             answer_handler());
}

AnswerHandler Connection::answer_handler() {
    return [weak = weak_from_this(), serial = serial_](Answer answer) {
        const auto self = weak.lock();
        if (!self || self->phase_ != Phase::answering || self->serial_ != serial) return;
        self->answer(std::move(answer));
    };
}

// The service may call this in the middle of its own work, so that pulling waits for its own turn.
Readable Connection::readable_handler() {
    return [weak = weak_from_this(), serial = serial_] {
        const auto self = weak.lock();
        if (!self || self->phase_ == Phase::closed || self->serial_ != serial) return;
        self->readable_ = true;
        if (self->pump_posted_) return;
        self->pump_posted_ = true;
        asio::post(self->env_.context, [self] { self->on_readable(); });
    };
}

void Connection::answer(Answer answer) {
    if (auto* json = std::get_if<JsonAnswer>(&answer)) return send_json(200, json->body);
    if (const auto* error = std::get_if<ApiError>(&answer)) return send_error(*error);
    start_stream(std::get<StreamAnswer>(std::move(answer)));
}

void Connection::send_error(const ApiError& error) {
    send_json(error.code, to_json(error), error.allow);
}

void Connection::send_json(int status, const std::string& body, std::string_view allow) {
    phase_ = Phase::writing;
    out_ = head_text({.status = status,
                      .content_type = "application/json",
                      .content_length = body.size() + 1,
                      .keep_alive = keep_alive_,
                      .allow = allow});
    if (!head_only_) {
        out_ += body;
        out_ += '\n';
    }
    write_out();
}

void Connection::start_stream(StreamAnswer answer) {
    stream_ = std::move(answer.stream);
    stream_ended_ = false;
    readable_ = true;
    // Without chunks the end of the connection is the end of the body.
    if (!chunked_) keep_alive_ = false;
    phase_ = Phase::streaming;
    out_ = head_text({.status = 200,
                      .content_type = answer.content_type,
                      .content_length = {},
                      .keep_alive = keep_alive_,
                      .chunked = chunked_});
    if (end_of_input_ && follows_) return close();
    write_out();
}

void Connection::on_readable() {
    pump_posted_ = false;
    if (phase_ == Phase::streaming && !writing_) pump();
}

void Connection::pump() {
    if (!readable_ || stream_ended_) return;
    readable_ = false;
    std::string piece;
    const auto pulled = stream_->read(piece, chunk_bytes);
    // There is no way to say what went wrong any more but to leave the body unfinished.
    if (!pulled) return close();
    if (*pulled == Pull::more) readable_ = true;
    stream_ended_ = *pulled == Pull::end;
    out_.clear();
    if (!piece.empty()) chunked_ ? append_chunk(out_, piece) : out_.swap(piece);
    if (stream_ended_ && chunked_) out_ += last_chunk;
    if (!out_.empty() || stream_ended_) return write_out();
    if (!readable_ || pump_posted_) return;
    pump_posted_ = true;
    asio::post(env_.context, [self = shared_from_this()] { self->on_readable(); });
}

// Tries without waiting first: most answers fit the socket's buffer, and then need no deadline.
void Connection::write_out() {
    written_ = 0;
    ErrorCode error;
    if (!out_.empty()) written_ = socket_.write_now(asio::buffer(out_), error);
    if (error && error != asio::error::would_block && error != asio::error::try_again) {
        return close();
    }
    writing_ = true;
    if (written_ == out_.size()) {
        // By way of the loop, so that neither many requests at once nor a long stream nest calls or
        // keep the loop from others.
        asio::post(env_.context, [self = shared_from_this()] { self->after_write(); });
        return;
    }
    on_written({}, 0);
}

void Connection::on_written(ErrorCode error, std::size_t bytes) {
    if (phase_ == Phase::closed) return;
    if (error) return close();
    written_ += bytes;
    if (written_ == out_.size()) return after_write();
    arm(env_.limits.write_deadline);
    socket_.write_some(
        asio::buffer(out_.data() + written_, out_.size() - written_),
        [self = shared_from_this()](ErrorCode e, std::size_t n) { self->on_written(e, n); });
}

void Connection::after_write() {
    writing_ = false;
    if (phase_ == Phase::closed) return;
    disarm();
    out_.clear();
    if (out_.capacity() > 2 * chunk_bytes) out_.shrink_to_fit();
    if (phase_ == Phase::streaming && !stream_ended_) return pump();
    next_request();
}

void Connection::next_request() {
    stream_.reset();
    follows_ = false;
    if (linger_) return linger();
    if (!keep_alive_) return close();
    phase_ = Phase::idle;
    if (input_.size() > 0) return parse();
    if (end_of_input_) return close();
    arm(env_.limits.idle_deadline);
    read_more();
}

// Closing with unread input would let the client see a broken pipe before it saw the answer.
void Connection::linger() {
    phase_ = Phase::lingering;
    if (end_of_input_) return close();
    socket_.end_writing();
    arm(env_.limits.linger_deadline);
    input_.consume(input_.size());
    read_more();
}

void Connection::arm(std::chrono::milliseconds deadline) {
    const std::uint64_t turn = ++timer_turn_;
    armed_for_ = deadline;
    timer_.expires_after(deadline);
    timer_.async_wait([weak = weak_from_this(), turn](ErrorCode error) {
        const auto self = weak.lock();
        if (!error && self && self->timer_turn_ == turn) self->on_deadline();
    });
}

void Connection::disarm() {
    ++timer_turn_;
    timer_.cancel();
}

void Connection::on_deadline() {
    if (phase_ != Phase::receiving) return close();
    keep_alive_ = false;
    linger_ = true;
    send_error({408, "timed_out", "cannot read request: it was not complete in time"});
}

}  // namespace syspulse::api
