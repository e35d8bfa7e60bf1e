// The clocks of Linux: CLOCK_MONOTONIC and CLOCK_REALTIME, both through the vDSO.
#include <time.h>

#include "platform/clock.hpp"

namespace syspulse::platform {
namespace {

timespec read_clock(clockid_t id) {
    timespec time{};
    ::clock_gettime(id, &time);
    return time;
}

class SystemClock final : public Clock {
  public:
    Now now() const override {
        const timespec mono = read_clock(CLOCK_MONOTONIC);
        const timespec wall = read_clock(CLOCK_REALTIME);
        return {Instant{std::chrono::seconds{mono.tv_sec} + Duration{mono.tv_nsec}},
                from_unix_ms(std::int64_t{wall.tv_sec} * 1000 + wall.tv_nsec / 1'000'000)};
    }
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() {
    return std::make_unique<SystemClock>();
}

}  // namespace syspulse::platform
