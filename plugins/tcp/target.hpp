// "host:port" and "[v6]:port".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tcp/socket.hpp"

namespace syspulse::plugins::tcp {

struct Target {
    std::string host;
    std::string port;  // 1 to 65535, digits only.
};

std::optional<Target> parse_target(const std::string& text);

// Without a resolver: those of a numeric address or of "localhost", nothing for other hosts. Never
// blocks.
std::vector<Address> addresses_at_once(const Target& target);

// Asks the resolver; may block for long. `error` says why the result is empty. [worker]
std::vector<Address> resolve(const Target& target, std::string& error);

}  // namespace syspulse::plugins::tcp
