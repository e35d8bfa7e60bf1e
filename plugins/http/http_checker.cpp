// The checker `http`: requests a URL and judges the status and, where asked, the body.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "http/regex.hpp"
#include "http/transfer.hpp"

namespace syspulse::plugins::http {
namespace {

class HttpChecker : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "http";
    static constexpr const char* summary = "Requests a URL; a 2xx answer is healthy";

    static sdk::Schema schema() {
        using sdk::Option;
        sdk::Schema schema;
        schema.add(
            "method",
            Option::string().one_of({"GET", "HEAD", "POST", "PUT", "OPTIONS"}).by_default("GET"));
        schema.add("expect_status", Option::list_of(Option::integer().range(100, 599))
                                        .describe("status codes that are healthy; default: any 2xx")
                                        .optional());
        // They are where tokens and passwords are put.
        schema.add("headers", Option::map_of(Option::string().secret()).optional());
        schema.add("body_contains", Option::string().by_default(""));
        schema.add(
            "body_regex",
            Option::string().describe("RE2 syntax; searched for in the body").by_default(""));
        schema.flag("follow_redirects", false);
        schema.flag("tls_verify", true);
        schema.add("ca_file", Option::string().by_default(""));
        schema.add("unix_socket", Option::string().by_default(""));
        return schema;
    }

    explicit HttpChecker(const sdk::Config& config)
        : AsyncChecker(config),
          expected_(config.integers("/expect_status")),
          contains_(config.str("/body_contains")) {
        request_.method = config.str("/method");
        request_.follow_redirects = config.flag("/follow_redirects");
        request_.tls_verify = config.flag("/tls_verify");
        request_.ca_file = config.str("/ca_file");
        if (!request_.ca_file.empty() && ::access(request_.ca_file.c_str(), R_OK) != 0) {
            throw sdk::Error{SYSP_E_CONFIG, "/ca_file: cannot read " + request_.ca_file + ": " +
                                                std::generic_category().message(errno)};
        }
        request_.unix_socket = config.str("/unix_socket");
        for (const auto& [key, value] : config.string_map("/headers")) {
            // A line break would smuggle further headers in.
            if ((key + value).find_first_of("\r\n") != std::string::npos) {
                throw sdk::Error{SYSP_E_CONFIG, "/headers: a header must be one line"};
            }
            request_.headers.push_back(key + ": " + value);
        }
        const std::string pattern = config.str("/body_regex");
        // This runs on the loop that carries all checks, and body and pattern are anybody's.
        if (!pattern.empty()) regex_ = std::make_unique<Regex>(pattern);
    }

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        if (request.target.rfind("http://", 0) != 0 && request.target.rfind("https://", 0) != 0) {
            throw sdk::Error{SYSP_E_CONFIG,
                             "cannot check '" + request.target +
                                 "': the target must begin with http:// or https://"};
        }
        request_.url = request.target;
        const auto timeout = request.timeout;
        if (is_loaded()) {
            begin();
        } else {
            // That takes long enough to be noticed by everybody else on the loop.
            loading_ = sdk::Offload::start(
                host(), [] { static_cast<void>(curl()); },
                [this](const sdk::Error* failure) { loaded(failure); });
        }
        deadline_ = io().timer(timeout, [this, timeout] { out_of_time(timeout); });
        completion_ = std::move(completion);
    }
    void cancel() override {
        release();
        std::exchange(completion_, {}).fail(sdk::Error::cancelled());
    }

  private:
    void begin() {
        if (!multi_) multi_ = Multi::of_this_loop(request_.ca_file);
        transfer_ = std::make_unique<Transfer>(
            io(), multi_, [this](const Response& response) { answered(response); });
        transfer_->start(request_);
    }
    void loaded(const sdk::Error* failure) {
        try {
            loading_.reset();
            if (failure != nullptr) throw sdk::Error{*failure};
            begin();
        } catch (const sdk::Error& error) {
            release();
            std::exchange(completion_, {}).fail(error);
        }
    }
    void out_of_time(std::chrono::milliseconds timeout) {
        if (!loading_) return end(sdk::timed_out(timeout));
        release();
        std::exchange(completion_, {}).fail({SYSP_E_BUSY, "libcurl is not loaded yet"});
    }
    void answered(const Response& response) {
        if (!response.refused) {
            end(judge(response));
            return;
        }
        release();
        std::exchange(completion_, {}).fail(*response.refused);
    }
    void release() {
        loading_.reset();
        transfer_.reset();
        deadline_.reset();
    }
    sdk::Result judge(const Response& response) const {
        if (!response.error.empty()) return sdk::Result::fail(response.error);
        const std::string status = "HTTP " + std::to_string(response.status);
        const bool expected = expected_.empty() ? response.status >= 200 && response.status < 300
                                                : std::find(expected_.begin(), expected_.end(),
                                                            response.status) != expected_.end();
        if (!expected) return sdk::Result::fail(status + " (expected " + expectation() + ")");
        if (response.body.find(contains_) == std::string::npos) {
            return sdk::Result::fail(status + ", but the body lacks '" + contains_ + "'");
        }
        if (regex_ && !regex_->found_in(response.body)) {
            return sdk::Result::fail(status + ", but the body does not match body_regex");
        }
        return sdk::Result::pass(status);
    }
    std::string expectation() const {
        std::string list;
        for (const auto code : expected_) list += (list.empty() ? "" : ", ") + std::to_string(code);
        return list.empty() ? "2xx" : list;
    }
    void end(const sdk::Result& result) {
        release();
        std::exchange(completion_, {}).done(result);
    }

    Request request_;
    std::vector<std::int64_t> expected_;
    std::string contains_;
    std::unique_ptr<Regex> regex_;
    sdk::Completion completion_;
    sdk::Offload loading_;
    std::shared_ptr<Multi> multi_;  // Kept from check to check, for what libcurl keeps in it.
    std::unique_ptr<Transfer> transfer_;
    sdk::Timer deadline_;
};

}  // namespace
}  // namespace syspulse::plugins::http

SYSPULSE_PLUGIN("syspulse.http", "0.1.0", "syspulse",
                syspulse::sdk::async_checker<syspulse::plugins::http::HttpChecker>());
