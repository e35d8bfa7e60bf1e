// One HTTP request with libcurl's multi-socket interface on the host's loop. No threads, except
// that libcurl resolves host names on one of its own.
#pragma once

#include <syspulse/plugin.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/curl.hpp"
#include "http/multi.hpp"

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
    std::string body;                   // At most 64 KiB.
    std::string error;                  // Why there is no status.
    std::optional<sdk::Error> refused;  // Why nothing can be said about the server.
};

// [main] The handler is called at most once; it may destroy the transfer. None after destruction.
class Transfer final : private Multi::Client {
  public:
    using Handler = std::function<void(const Response&)>;

    Transfer(const sdk::Io& io, std::shared_ptr<Multi> multi, Handler handler);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void start(const Request& request);

  private:
    struct FreeList {
        void operator()(curl_slist* list) const { curl().slist_free_all(list); }
    };

    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);

    template <class Value>
    void set(CURLoption option, Value value);
    template <class Value>
    void offer(CURLoption option, Value value);
    const sdk::Io& io() const override { return io_; }
    void over(CURLcode code) override;
    void refused(const sdk::Error& why) override;
    void report();

    sdk::Io io_;
    std::shared_ptr<Multi> multi_;
    Handler handler_;
    Response response_;
    bool body_cut_ = false;
    char error_text_[CURL_ERROR_SIZE] = {};
    std::unique_ptr<curl_slist, FreeList> headers_;
    CURL* easy_ = nullptr;
};

}  // namespace syspulse::plugins::http
