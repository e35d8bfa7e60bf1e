#include "model/state.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace syspulse::model {
namespace {

// Indexed by the enumerator.
constexpr std::array<std::string_view, 7> states{"stopped", "starting", "running",  "stopping",
                                                 "backoff", "failed",   "scheduled"};
constexpr std::array<std::string_view, 4> healths{"unknown", "healthy", "unhealthy",
                                                  "not_configured"};
constexpr std::array<std::string_view, 2> targets{"down", "up"};

template <class E, std::size_t N>
std::optional<E> find(const std::array<std::string_view, N>& words,
                      std::string_view word) noexcept {
    for (std::size_t i = 0; i < N; ++i) {
        if (words[i] == word) return static_cast<E>(i);
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(State state) noexcept {
    return states[static_cast<std::size_t>(state)];
}
std::string_view to_string(Health health) noexcept {
    return healths[static_cast<std::size_t>(health)];
}
std::string_view to_string(Target target) noexcept {
    return targets[static_cast<std::size_t>(target)];
}
std::optional<State> parse_state(std::string_view word) noexcept {
    return find<State>(states, word);
}
std::optional<Health> parse_health(std::string_view word) noexcept {
    return find<Health>(healths, word);
}
std::optional<Target> parse_target(std::string_view word) noexcept {
    return find<Target>(targets, word);
}

}  // namespace syspulse::model
