// What the commands need of the control API. api_connection.cpp implements it with core/api's
// client; tests with answers of their own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace syspulse::cli {

struct Response {
    int status = 0;  // HTTP.
    std::string body;
};

// Blocking; one request at a time. An Error means that no answer came; an answer that says no is a
// Response.
class Connection {
  public:
    virtual ~Connection() = default;

    // Without a timeout the answer is waited for as long as the manager lives.
    virtual Result<Response> request(const std::string& method, const std::string& target,
                                     const std::string& body, std::optional<Duration> timeout) = 0;

    // GET whose body is handed on in pieces as it comes, until its end or until `on_data` returns
    // false. The body of an answer other than 200 is returned instead.
    virtual Result<Response> stream(const std::string& target,
                                    const std::function<bool(std::string_view)>& on_data) = 0;
};

}  // namespace syspulse::cli
