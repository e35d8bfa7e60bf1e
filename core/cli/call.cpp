#include "cli/call.hpp"

#include "api/client.hpp"

#include <array>
#include <cstdio>
#include <memory>

namespace syspulse::cli {

Answer call(Connection& connection, const Call& request) {
    auto response =
        connection.request(request.method, request.target, request.body, request.timeout);
    if (!response) {
        return {failure_of(response.error()), {}};
    }
    if (response->status >= 400) {
        return {failure_of(*response), {}};
    }
    return {std::nullopt, std::move(response->body)};
}

Answer call(const Context& context, const Call& request) {
    auto connection = context.connect(context.globals);
    if (!connection) {
        return {failure_of(connection.error()), {}};
    }
    return call(**connection, request);
}

std::string daemon_target(std::string_view name, std::string_view suffix) {
    return "/v1/daemons/" + api::percent_encode(name) + std::string(suffix);
}

std::string query(const std::vector<std::pair<std::string, std::string>>& parameters) {
    std::string text;
    for (const auto& [key, value] : parameters) {
        text.append(text.empty() ? "?" : "&")
            .append(key)
            .append("=")
            .append(api::percent_encode(value));
    }
    return text;
}

std::string seconds_text(Duration duration) {
    constexpr std::int64_t second = 1'000'000'000;
    std::string text = std::to_string(duration.count() / second);
    if (const std::int64_t rest = duration.count() % second; rest != 0) {
        std::array<char, 16> fraction{};
        std::snprintf(fraction.data(), fraction.size(), ".%09lld", static_cast<long long>(rest));
        text.append(fraction.data());
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

}  // namespace syspulse::cli
