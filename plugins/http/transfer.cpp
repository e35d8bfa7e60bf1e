#include "http/transfer.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::plugins::http {
namespace {

constexpr std::size_t body_limit = 64 * 1024;
constexpr long redirect_limit = 10;

}  // namespace

Transfer::Transfer(const sdk::Io& io, Handler handler)
    : io_(io),
      handler_(std::move(handler)),
      multi_(curl().multi_init()),
      easy_(curl().easy_init()) {
    if (multi_ == nullptr || easy_ == nullptr) {
        curl().easy_cleanup(easy_);
        curl().multi_cleanup(multi_);
        throw sdk::Error{SYSP_E_INTERNAL, "cannot set up libcurl: out of memory"};
    }
    curl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Transfer::on_socket);
    curl().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Transfer::on_timer);
    curl().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

Transfer::~Transfer() {
    timer_.reset();
    watches_.clear();
    curl().multi_remove_handle(multi_, easy_);
    curl().easy_cleanup(easy_);
    curl().multi_cleanup(multi_);
    watches_.clear();
    timer_.reset();
}

template <class Value>
void Transfer::set(CURLoption option, Value value) {
    const CURLcode code = curl().easy_setopt(easy_, option, value);
    if (code != CURLE_OK) {
        throw sdk::Error{SYSP_E_CONFIG,
                         std::string("cannot prepare the request: ") + curl().easy_strerror(code)};
    }
}

void Transfer::start(const Request& request) {
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_URL, request.url.c_str());
    if (request.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
        set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // Clean-up must not wait for a resolver that hangs.
    set(CURLOPT_NOPROXY,
        "*");  // A proxy of the manager's environment says nothing about the daemon.
    set(CURLOPT_FORBID_REUSE, 1L);  // A check that reuses a connection does not test accepting one.
    set(CURLOPT_USERAGENT, "syspulse");
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
    set(CURLOPT_MAXREDIRS, redirect_limit);
    set(CURLOPT_SSL_VERIFYPEER, request.tls_verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request.tls_verify ? 2L : 0L);
    if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
    if (!request.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    for (const auto& header : request.headers) {
        curl_slist* grown = curl().slist_append(headers_.get(), header.c_str());
        if (grown == nullptr)
            throw sdk::Error{SYSP_E_INTERNAL, "cannot add a header: out of memory"};
        (void)headers_.release();
        headers_.reset(grown);
    }
    if (headers_) set(CURLOPT_HTTPHEADER, headers_.get());
    curl().multi_add_handle(multi_, easy_);
}

int Transfer::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        if (what == CURL_POLL_REMOVE) {
            transfer.watches_.erase(fd);
            return 0;
        }
        std::uint32_t interest = 0;
        if ((what & CURL_POLL_IN) != 0) interest |= SYSP_IO_READ;
        if ((what & CURL_POLL_OUT) != 0) interest |= SYSP_IO_WRITE;
        auto& watch = transfer.watches_[fd];
        if (watch) {
            watch.rewatch(interest);
            return 0;
        }
        watch = transfer.io_.watch(fd, interest, [&transfer, fd](std::uint32_t ready) {
            const int events = ((ready & SYSP_IO_READ) != 0 ? CURL_CSELECT_IN : 0) |
                               ((ready & SYSP_IO_WRITE) != 0 ? CURL_CSELECT_OUT : 0) |
                               ((ready & SYSP_IO_ERROR) != 0 ? CURL_CSELECT_ERR : 0);
            transfer.drive(fd, events);
        });
        return 0;
    } catch (...) {
        return -1;  // libcurl fails the transfer.
    }
}

int Transfer::on_timer(CURLM*, long timeout_ms, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        transfer.timer_.reset();
        if (timeout_ms < 0) return 0;
        transfer.timer_ = transfer.io_.timer(std::chrono::milliseconds{timeout_ms}, [&transfer] {
            transfer.drive(CURL_SOCKET_TIMEOUT, 0);
        });
        return 0;
    } catch (...) {
        return -1;
    }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    const std::size_t kept = std::min(bytes, body_limit - transfer.response_.body.size());
    transfer.response_.body.append(data, kept);
    transfer.body_cut_ = transfer.body_cut_ || kept < bytes;
    return kept == bytes ? bytes : 0;  // Less than given ends the transfer: enough has been seen.
}

void Transfer::drive(curl_socket_t fd, int events) {
    int running = 0;
    curl().multi_socket_action(multi_, fd, events, &running);
    int left = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        report(message->data.result);
        return;  // The handler may have destroyed this object.
    }
}

void Transfer::report(CURLcode code) {
    const bool cut_short = code == CURLE_WRITE_ERROR && body_cut_;
    if (code == CURLE_OK || cut_short) {
        curl().easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &response_.status);
    } else {
        response_.error = error_text_[0] != '\0' ? error_text_ : curl().easy_strerror(code);
    }
    const auto handler = std::move(handler_);
    const Response response = std::move(response_);
    handler(response);
}

}  // namespace syspulse::plugins::http
