#include "api/control_service.hpp"

namespace syspulse::api {

std::optional<std::string> ControlService::variable(const std::string&) {
    return std::nullopt;
}

void ControlService::upgrade(const Peer&, const std::string&, Duration, Done<void> done) {
    done(Error{ErrorCode::unsupported,
               "cannot upgrade in place: the manager runs without a keeper"});
}

WallTime Since::resolve(WallTime now) const {
    if (const auto* moment = std::get_if<WallTime>(&value)) return *moment;
    return now - std::chrono::duration_cast<std::chrono::milliseconds>(std::get<Duration>(value));
}

}  // namespace syspulse::api
