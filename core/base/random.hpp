// A small owned generator (PCG-XSH-RR 64/32), the same on every platform, so that a seed replays a
// simulation. Not for secrets.
#pragma once

#include <cstdint>

namespace syspulse {

class Random {
  public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed * 2 + 1) {
        next();
        next();
    }

    std::uint32_t next() noexcept {
        const std::uint64_t old = state_;
        state_ = old * 6364136223846793005ULL + 1442695040888963407ULL;
        const auto shifted = static_cast<std::uint32_t>(((old >> 18U) ^ old) >> 27U);
        const auto turn = static_cast<std::uint32_t>(old >> 59U);
        return (shifted >> turn) | (shifted << ((32U - turn) & 31U));
    }

    // Uniform in [0, bound); zero for bound zero. The bias is below bound / 2^32.
    std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next()) * bound) >> 32U);
    }

    // Uniform in [0, 1).
    double unit() noexcept { return next() * (1.0 / 4294967296.0); }

    bool chance(double probability) noexcept { return unit() < probability; }

  private:
    std::uint64_t state_;
};

}  // namespace syspulse
