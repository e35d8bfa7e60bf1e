#include "api/control_service.hpp"

namespace syspulse::api {

WallTime Since::resolve(WallTime now) const {
    if (const auto* moment = std::get_if<WallTime>(&value)) return *moment;
    return now - std::chrono::duration_cast<std::chrono::milliseconds>(std::get<Duration>(value));
}

}  // namespace syspulse::api
