// One client of the server: reads requests, has them dispatched one after the other, writes answers
// at the client's pace.
//
//   idle --first byte--> receiving --whole request--> answering --> writing --> idle
//                            |                            `------> streaming --> idle
//                            `--refused--> writing --> lingering --> closed
//
// Every phase but `answering` and a `streaming` with nothing to say has a deadline; any phase ends
// in `closed` at once when the client vanishes. Reading goes on while an answer is worked on,
// because that is how a vanished client is noticed. [loop thread]
#pragma once

#include <atomic>
#include <boost/asio/local/stream_protocol.hpp>  // Asio of Boost 1.74 needs <utility> before it.
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/dispatch.hpp"
#include "api/server.hpp"
#include "platform/local_socket.hpp"
#include "platform/local_stream.hpp"

namespace syspulse::api {

class Connection;

class ConnectionOwner {
  public:
    virtual ~ConnectionOwner() = default;
    virtual void connection_closed(const std::shared_ptr<Connection>& connection) = 0;
    // How many connections follow logs or events.
    virtual std::size_t stream_count() const = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    struct Environment {
        boost::asio::io_context& context;
        ControlService& service;
        const ServerLimits& limits;
        ConnectionOwner& owner;
    };

    Connection(const Environment& environment, platform::LocalStream stream, Peer peer);

    void start();
    // Answers nothing more; what the service still sends is dropped. Idempotent.
    void close();
    // Closes when nothing is under way, else after the answer that is.
    void close_when_idle();
    // It follows logs or events, or is about to.
    bool follows() const noexcept { return follows_; }
    // For how long the client has owed the rest of a request; zero while it owes nothing.
    std::chrono::steady_clock::duration owes_for() const;

  private:
    enum class Phase : std::uint8_t {
        idle,
        receiving,
        answering,
        writing,
        streaming,
        lingering,
        closed
    };
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    using ErrorCode = boost::system::error_code;

    void read_more();
    void read_ahead();
    void on_read(ErrorCode error, std::size_t bytes);
    void on_end_of_input();
    void parse();
    void after_partial_request();
    void send_continue();
    void refuse(const ErrorCode& error);
    void handle_request();
    AnswerHandler answer_handler();
    Readable readable_handler();
    void answer(Answer answer);
    void send_json(int status, const std::string& body, std::string_view allow = {});
    void send_error(const ApiError& error);
    void start_stream(StreamAnswer answer);
    void pump();
    void on_readable();
    void write_out();
    void on_written(ErrorCode error, std::size_t bytes);
    void after_write();
    void next_request();
    void linger();
    void arm(std::chrono::milliseconds deadline);
    void disarm();
    void on_deadline();

    Environment env_;
    Peer peer_;
    platform::LocalStream socket_;
    boost::asio::steady_timer timer_;
    std::vector<char> incoming_;  // Where a read puts what comes.
    boost::beast::flat_buffer input_;
    std::optional<Parser> parser_;
    std::string out_;
    std::size_t written_ = 0;  // Bytes of out_ that the client's socket took.
    std::unique_ptr<TextStream> stream_;
    std::shared_ptr<std::atomic<bool>> given_up_;  // Of a request for logs.
    std::uint64_t serial_ = 0;      // Of the request; answers to older ones are dropped.
    std::uint64_t timer_turn_ = 0;  // Of the deadline; older ones do not count.
    Phase phase_ = Phase::idle;
    bool reading_ = false;
    bool writing_ = false;
    bool end_of_input_ = false;
    bool keep_alive_ = true;
    bool chunked_ = true;  // The client speaks HTTP/1.1.
    bool head_only_ = false;
    bool linger_ = false;     // The client may still be sending what nobody reads.
    bool continued_ = false;  // "100 Continue" has been said.
    bool readable_ = false;   // The stream may have more.
    bool pump_posted_ = false;
    bool stream_ended_ = false;
    bool follows_ = false;
    std::chrono::milliseconds armed_for_{0};
};

}  // namespace syspulse::api
