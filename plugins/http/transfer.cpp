#include "http/transfer.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::plugins::http {
namespace {

constexpr std::size_t body_limit = 64 * 1024;
constexpr long redirect_limit = 10;
// A CA file that was replaced is read anew after that at the latest.
constexpr long ca_kept_seconds = 300;

}  // namespace

Transfer::Transfer(const sdk::Io& io, std::shared_ptr<Multi> multi, Handler handler)
    : io_(io), multi_(std::move(multi)), handler_(std::move(handler)), easy_(curl().easy_init()) {
    if (easy_ == nullptr) {
        throw sdk::Error{SYSP_E_INTERNAL, "cannot set up libcurl: out of memory"};
    }
}

Transfer::~Transfer() {
    multi_->remove(easy_, *this);
    curl().easy_cleanup(easy_);
}

template <class Value>
void Transfer::set(CURLoption option, Value value) {
    const CURLcode code = curl().easy_setopt(easy_, option, value);
    if (code != CURLE_OK) {
        throw sdk::Error{SYSP_E_CONFIG,
                         std::string("cannot prepare the request: ") + curl().easy_strerror(code)};
    }
}

// What means nothing to the TLS library of some libcurl.
template <class Value>
void Transfer::offer(CURLoption option, Value value) {
    if (curl().easy_setopt(easy_, option, value) == CURLE_NOT_BUILT_IN) return;
    set(option, value);
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
    // A check that reuses a connection does not test accepting one; one that reuses an address or a
    // TLS session tests neither the name nor the certificate.
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(CURLOPT_USERAGENT, "syspulse");
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
    set(CURLOPT_MAXREDIRS, redirect_limit);
    set(CURLOPT_SSL_VERIFYPEER, request.tls_verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request.tls_verify ? 2L : 0L);
    if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
    // Where TLS is Windows' own: an authority of the operator's says nowhere what it has revoked.
    offer(CURLOPT_SSL_OPTIONS, long{CURLSSLOPT_REVOKE_BEST_EFFORT});
    // Certificates from a directory are not kept from check to check, and it would add to what the
    // operator's file trusts.
    offer(CURLOPT_CAPATH, nullptr);
    offer(CURLOPT_CA_CACHE_TIMEOUT, ca_kept_seconds);
    if (!request.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    for (const auto& header : request.headers) {
        curl_slist* grown = curl().slist_append(headers_.get(), header.c_str());
        if (grown == nullptr)
            throw sdk::Error{SYSP_E_INTERNAL, "cannot add a header: out of memory"};
        (void)headers_.release();
        headers_.reset(grown);
    }
    if (headers_) set(CURLOPT_HTTPHEADER, headers_.get());
    multi_->add(easy_, *this);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t bytes = size * count;
    const std::size_t kept = std::min(bytes, body_limit - transfer.response_.body.size());
    transfer.response_.body.append(data, kept);
    transfer.body_cut_ = transfer.body_cut_ || kept < bytes;
    return kept == bytes ? bytes : 0;  // Less than given ends the transfer: enough has been seen.
}

void Transfer::over(CURLcode code) {
    const bool cut_short = code == CURLE_WRITE_ERROR && body_cut_;
    if (code == CURLE_OK || cut_short) {
        curl().easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &response_.status);
    } else {
        response_.error = error_text_[0] != '\0' ? error_text_ : curl().easy_strerror(code);
    }
    report();
}

void Transfer::refused(const sdk::Error& why) {
    response_.refused = why;
    report();
}

void Transfer::report() {
    const auto handler = std::move(handler_);
    const Response response = std::move(response_);
    handler(response);
}

}  // namespace syspulse::plugins::http
