// The client half of the control API: blocking, one connection, for short-lived programs such as
// the command line. Connects at the first request and keeps the connection. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/clock.hpp"

namespace syspulse::api {

struct Response {
    int status = 0;  // HTTP.
    std::string body;
};

// The error object of an answer whose status is 400 or above.
struct RemoteError {
    int code = 500;
    std::string kind;
    std::string message;
};

// Understands any body: one without an error object gives kind "internal" and the body as the
// message.
RemoteError decode_error(const Response& response);

class ClientConnection;

class Client {
  public:
    // `directory` is what messages call the manager by: its data directory.
    explicit Client(std::string socket_path, std::string directory = {});
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    // An Error means that no answer came: unavailable (no manager), permission_denied, timed_out,
    // corrupt. An answer that says no is a Response. Without a timeout the answer is waited for as
    // long as the manager lives. A request that may have reached the manager is never sent twice,
    // except for GET.
    Result<Response> request(std::string_view method, std::string_view target,
                             std::string_view body = {}, std::optional<Duration> timeout = {});

    // GET whose body is handed on in pieces as it comes, until its end or until `on_data` returns
    // false, which closes the connection. The body of an answer other than 200 is returned instead.
    // An error `unavailable` when the manager goes away in the middle.
    Result<Response> stream(std::string_view target,
                            const std::function<bool(std::string_view)>& on_data);

  private:
    Result<Response> exchange(const std::string& text, bool repeatable,
                              std::optional<Duration> timeout,
                              const std::function<bool(std::string_view)>& on_data);

    std::string path_;
    std::string directory_;
    std::unique_ptr<platform::Clock> clock_;
    std::unique_ptr<ClientConnection> connection_;
};

// Connects, and gives a function that returns when the process that opened the endpoint, the
// manager's keeper or the manager itself, has ended and holds nothing any more. unsupported where
// the system does not tell which process that is, as across containers.
Result<std::function<void()>> watch_for_end(const std::string& socket_path,
                                            const std::string& directory);

// One path segment or query value, percent-encoded.
std::string percent_encode(std::string_view text);

}  // namespace syspulse::api
