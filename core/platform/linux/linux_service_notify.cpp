#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "platform/linux/linux_error.hpp"
#include "platform/linux/unique_fd.hpp"
#include "platform/service_notify.hpp"

namespace syspulse::platform {
namespace {

std::string_view variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

Result<void> notify_service_manager(std::string_view state) {
    const std::string_view path = variable("NOTIFY_SOCKET");
    if (path.empty()) return {};
    const std::string what = "cannot notify the service manager";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return Error{ErrorCode::invalid_argument, "NOTIFY_SOCKET is too long"}.with(what);
    }
    std::copy(path.begin(), path.end(), address.sun_path);
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // The abstract namespace.
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return os_error(what);
    const auto* const to = reinterpret_cast<const sockaddr*>(&address);
    const ssize_t sent =
        ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, to, length);
    if (sent < 0) return os_error(what);
    return {};
}

std::optional<Duration> watchdog_interval() {
    const auto pid = number(variable("WATCHDOG_PID"));
    if (pid && *pid != ::getpid()) return std::nullopt;
    const auto us = number(variable("WATCHDOG_USEC"));
    if (!us || *us <= 0) return std::nullopt;
    return std::chrono::microseconds{*us};
}

}  // namespace syspulse::platform
