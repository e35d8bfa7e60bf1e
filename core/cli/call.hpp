// One request to the manager, with everything that can go wrong in one place.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/context.hpp"
#include "cli/failure.hpp"

namespace syspulse::cli {

struct Answer {
    std::optional<Failure> failure;
    std::string body = {};

    explicit operator bool() const noexcept { return !failure.has_value(); }
};

struct Call {
    std::string method = "GET";
    std::string target = {};
    std::string body = {};
    std::optional<Duration> timeout = std::chrono::seconds{30};
};

// Over a new connection. [any thread]
Answer call(const Context& context, const Call& request);

// Over a connection that the caller keeps.
Answer call(Connection& connection, const Call& request);

// "/v1/daemons/NAME" + suffix.
std::string daemon_target(std::string_view name, std::string_view suffix = {});

// "?a=1&b=2", encoded; empty for no parameters.
std::string query(const std::vector<std::pair<std::string, std::string>>& parameters);

// A duration as the API takes it: seconds with the fraction that is needed.
std::string seconds_text(Duration duration);

}  // namespace syspulse::cli
