#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/linux_error.hpp"
#include "platform/terminal.hpp"

namespace syspulse::platform {

void hold_missing_standard_streams() noexcept {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) >= 0) continue;
        // The lowest free number is that of the stream.
        static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
    }
}

TerminalInfo standard_output() noexcept {
    if (::isatty(STDOUT_FILENO) != 1) {
        return {};
    }
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return {true, known ? size.ws_col : 0U};
}

Result<void> write_standard_output(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd writable{STDOUT_FILENO, POLLOUT, 0};
            ::poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            const bool gone = errno == EPIPE || errno == EIO || errno == EBADF;
            Error error = os_error("cannot write to standard output");
            if (gone) error.code = ErrorCode::unavailable;
            return error;
        }
    }
    return {};
}

}  // namespace syspulse::platform
