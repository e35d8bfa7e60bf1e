// Identities as distinct types, so that a run can never be passed where a daemon is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace syspulse {

template <class Tag, class Rep>
struct StrongId {
    Rep value{};

    constexpr explicit operator bool() const noexcept { return value != Rep{}; }
    constexpr auto operator<=>(const StrongId&) const = default;
};

// Names a daemon inside one manager process. Never reused while the process lives; zero is none.
// What outlives the process is the daemon's UUID.
using DaemonKey = StrongId<struct DaemonKeyTag, std::uint32_t>;

// One attempt to run a daemon. Grows with every attempt in one data directory and is never reused,
// also not after a restart of the manager; zero is none.
using RunId = StrongId<struct RunIdTag, std::uint64_t>;

// One execution of a health check. Never reused; zero is none.
using CheckId = StrongId<struct CheckIdTag, std::uint64_t>;

// One request that waits for an answer. Never reused; zero is none (nobody waits).
using RequestId = StrongId<struct RequestIdTag, std::uint64_t>;

}  // namespace syspulse

template <class Tag, class Rep>
struct std::hash<syspulse::StrongId<Tag, Rep>> {
    std::size_t operator()(syspulse::StrongId<Tag, Rep> id) const noexcept {
        return std::hash<Rep>{}(id.value);
    }
};
