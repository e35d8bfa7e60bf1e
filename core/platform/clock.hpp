// The one place where time is read.
#pragma once

#include <memory>

#include "base/time.hpp"

namespace syspulse::platform {

// [any thread]
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Now now() const = 0;
};

std::unique_ptr<Clock> make_system_clock();

}  // namespace syspulse::platform
