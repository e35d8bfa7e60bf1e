#include "job/token.hpp"

#include <charconv>

namespace syspulse::plugins::job {
namespace {

constexpr std::string_view version = "job1:";

// Takes a number and the colon behind it off the front.
template <typename T>
bool take(std::string_view& text, T& value) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = static_cast<std::size_t>(end - text.data());
    if (failure != std::errc{} || used >= text.size() || *end != ':') return false;
    text.remove_prefix(used + 1);
    return true;
}

}  // namespace

std::string Identity::to_token() const {
    return std::string(version) + std::to_string(pid) + ":" + std::to_string(created) + ":" + job;
}

std::optional<Identity> Identity::parse(std::string_view token) {
    if (token.substr(0, version.size()) != version) return std::nullopt;
    token.remove_prefix(version.size());
    Identity identity;
    if (!take(token, identity.pid) || !take(token, identity.created) || identity.pid == 0 ||
        token.empty()) {
        return std::nullopt;
    }
    identity.job = token;
    return identity;
}

std::string job_name(std::string_view run_id) {
    std::string name = "Local\\syspulse-";
    for (const char c : run_id) name += c == '\\' || c == '/' ? '_' : c;
    return name;
}

}  // namespace syspulse::plugins::job
