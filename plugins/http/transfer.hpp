// One HTTP request with libcurl's multi-socket interface on the host's loop. No threads, except
// that libcurl resolves host names on one of its own.
#pragma once

#include <syspulse/plugin.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/curl.hpp"

namespace syspulse::plugins::http {

struct Request {
    std::string url;
    std::string method;
    std::vector<std::string> headers;  // "Name: value"
    std::string unix_socket;
    std::string ca_file;
    bool tls_verify = true;
    bool follow_redirects = false;
};

struct Response {
    long status = 0;
    std::string body;   // At most 64 KiB.
    std::string error;  // Why there is no status.
};

// [main] The handler is called at most once; it may destroy the transfer. None after destruction.
class Transfer {
  public:
    using Handler = std::function<void(const Response&)>;

    Transfer(const sdk::Io& io, Handler handler);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void start(const Request& request);

  private:
    struct FreeList {
        void operator()(curl_slist* list) const { curl().slist_free_all(list); }
    };

    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
    static int on_timer(CURLM*, long timeout_ms, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

    template <class Value>
    void set(CURLoption option, Value value);
    void drive(curl_socket_t fd, int events);
    void report(CURLcode code);

    sdk::Io io_;
    Handler handler_;
    Response response_;
    bool body_cut_ = false;
    char error_text_[CURL_ERROR_SIZE] = {};
    std::map<curl_socket_t, sdk::Watch> watches_;
    sdk::Timer timer_;
    std::unique_ptr<curl_slist, FreeList> headers_;
    CURLM* multi_ = nullptr;
    CURL* easy_ = nullptr;
};

}  // namespace syspulse::plugins::http
