#include "tcp/target.hpp"

#include <strings.h>
#if !defined(_WIN32)
#include <netdb.h>
#endif

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

namespace syspulse::plugins::tcp {
namespace {

bool is_port(const std::string& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 65535;
}

std::vector<Address> look_up(const Target& target, int flags, std::string& error) {
    prepare_network();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &list);
    if (code != 0) {
        error = look_up_text(code);
        return {};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner{list, &::freeaddrinfo};
    std::vector<Address> result;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        Address address;
        address.length = static_cast<socklen_t>(
            std::min<std::size_t>(entry->ai_addrlen, sizeof address.storage));
        std::memcpy(&address.storage, entry->ai_addr, static_cast<std::size_t>(address.length));
        result.push_back(address);
    }
    return result;
}

}  // namespace

std::optional<Target> parse_target(const std::string& text) {
    Target result;
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    result.host = text.substr(0, colon);
    result.port = text.substr(colon + 1);
    if (!result.host.empty() && result.host.front() == '[') {
        if (result.host.size() < 3 || result.host.back() != ']') return std::nullopt;
        result.host = result.host.substr(1, result.host.size() - 2);
    } else if (result.host.find(':') != std::string::npos) {
        return std::nullopt;
    }
    if (result.host.empty() || !is_port(result.port)) return std::nullopt;
    return result;
}

std::vector<Address> addresses_at_once(const Target& target) {
    constexpr int flags = AI_NUMERICHOST | AI_NUMERICSERV;
    std::string ignored;
    if (::strcasecmp(target.host.c_str(), "localhost") != 0) return look_up(target, flags, ignored);
    // The IPv4 address comes last: where IPv6 is off, the failure that is told should not be that.
    auto result = look_up({"::1", target.port}, flags, ignored);
    const auto v4 = look_up({"127.0.0.1", target.port}, flags, ignored);
    result.insert(result.end(), v4.begin(), v4.end());
    return result;
}

std::vector<Address> resolve(const Target& target, std::string& error) {
    return look_up(target, AI_NUMERICSERV, error);
}

}  // namespace syspulse::plugins::tcp
