#include <sys/ioctl.h>
#include <unistd.h>

#include "platform/terminal.hpp"

namespace syspulse::platform {

TerminalInfo standard_output() noexcept {
    if (::isatty(STDOUT_FILENO) != 1) {
        return {};
    }
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return {true, known ? size.ws_col : 0U};
}

}  // namespace syspulse::platform
