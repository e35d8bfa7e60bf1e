#include "conformance/told_by_child.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "platform/helper_process.hpp"

namespace syspulse::conformance {
namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 16;

[[noreturn]] void be_the_child(int channel, Duration limit,
                               const std::function<std::string()>& body,
                               const std::function<void()>& after) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    static_cast<void>(platform::write_all(channel, body(), limit));
    ::close(channel);
    if (after) after();
    platform::end_process(0);
}

}  // namespace

std::string told_by_child(Duration limit, const std::function<std::string()>& body,
                          const std::function<void()>& after) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        be_the_child(ends[1], limit, body, after);
    }
    ::close(ends[1]);
    auto text = platform::read_to_end(ends[0], bytes_max, limit);
    ::close(ends[0]);
    if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    return text ? *std::move(text) : std::string();
}

}  // namespace syspulse::conformance
