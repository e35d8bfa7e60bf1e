// The clocks of Windows: the performance counter, which never goes back, and the system time.
#include "platform/clock.hpp"
#include "platform/windows/windows_api.hpp"

namespace syspulse::platform {
namespace {

// Of 100 ns each, from 1601-01-01 to 1970-01-01.
constexpr std::int64_t ticks_before_1970 = 116'444'736'000'000'000;
constexpr std::int64_t ticks_per_ms = 10'000;
constexpr std::int64_t ns_per_second = 1'000'000'000;

class SystemClock final : public Clock {
  public:
    SystemClock() {
        LARGE_INTEGER frequency{};
        ::QueryPerformanceFrequency(&frequency);
        per_second_ = frequency.QuadPart;
    }

    Now now() const override {
        LARGE_INTEGER count{};
        ::QueryPerformanceCounter(&count);
        // In two parts, as the product of counter and nanoseconds would not fit after a few days.
        const std::int64_t whole = count.QuadPart / per_second_;
        const std::int64_t rest = count.QuadPart % per_second_;
        FILETIME time{};
        ::GetSystemTimePreciseAsFileTime(&time);
        const std::int64_t ticks =
            (std::int64_t{time.dwHighDateTime} << 32) | std::int64_t{time.dwLowDateTime};
        return {Instant{Duration{whole * ns_per_second + rest * ns_per_second / per_second_}},
                from_unix_ms((ticks - ticks_before_1970) / ticks_per_ms)};
    }

  private:
    std::int64_t per_second_ = 1;
};

}  // namespace

std::unique_ptr<Clock> make_system_clock() {
    return std::make_unique<SystemClock>();
}

}  // namespace syspulse::platform
