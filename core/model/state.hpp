// The states that users see, and the words for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace syspulse::model {

enum class State : std::uint8_t {
    stopped,
    starting,
    running,
    stopping,
    backoff,
    failed,
    scheduled
};
enum class Health : std::uint8_t { unknown, healthy, unhealthy, not_configured };

// What is wanted of a daemon, as opposed to what is.
enum class Target : std::uint8_t { down, up };

std::string_view to_string(State state) noexcept;
std::string_view to_string(Health health) noexcept;
std::string_view to_string(Target target) noexcept;

std::optional<State> parse_state(std::string_view word) noexcept;
std::optional<Health> parse_health(std::string_view word) noexcept;
std::optional<Target> parse_target(std::string_view word) noexcept;

}  // namespace syspulse::model
