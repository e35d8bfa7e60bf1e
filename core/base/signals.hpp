// Signal names and Linux numbers. Specs and the API speak names; drivers speak numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace syspulse {

// SIGKILL has this number wherever there are signals.
inline constexpr std::int32_t kill_number = 9;

// Those that the manager itself listens for or sends.
namespace signal_number {
inline constexpr std::int32_t hangup = 1;
inline constexpr std::int32_t interrupt = 2;
inline constexpr std::int32_t user_1 = 10;
inline constexpr std::int32_t user_2 = 12;
inline constexpr std::int32_t alarm = 14;
inline constexpr std::int32_t terminate = 15;
inline constexpr std::int32_t child = 17;
inline constexpr std::int32_t go_on = 18;
}  // namespace signal_number

// "SIGTERM", "TERM", "term", "15", "SIGRTMIN+3"; nothing for an unknown one.
std::optional<std::int32_t> parse_signal(std::string_view name);

// 15 gives "SIGTERM"; a number without a name gives "SIG37".
std::string signal_name(std::int32_t number);

// Whether a signal may have been sent all the same when whoever sends it has failed in this way.
constexpr bool may_have_arrived(ErrorCode failure) {
    return failure == ErrorCode::timed_out || failure == ErrorCode::cancelled ||
           failure == ErrorCode::unavailable;
}

}  // namespace syspulse
