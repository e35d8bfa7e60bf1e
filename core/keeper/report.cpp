#include "keeper/report.hpp"

#include <poll.h>
#include <unistd.h>

namespace syspulse::keeper {

Report::Report() {
    *this << "syspulse: ";
}

Report& Report::operator<<(const char* text) {
    while (*text != '\0' && size_ + 1 < sizeof text_) text_[size_++] = *text++;
    return *this;
}

Report& Report::operator<<(long number) {
    char digits[24];
    unsigned at = sizeof digits;
    digits[--at] = '\0';
    unsigned long rest =
        number < 0 ? 0UL - static_cast<unsigned long>(number) : static_cast<unsigned long>(number);
    do {
        digits[--at] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (number < 0) digits[--at] = '-';
    return *this << digits + at;
}

Report::~Report() {
    text_[size_++] = '\n';
    // A line is no longer than what a writable pipe takes at once. One that nobody reads is lost:
    // the next manager is worth more than the news of the last.
    pollfd output = {STDERR_FILENO, POLLOUT, 0};
    if (::poll(&output, 1, 0) != 1 || output.revents != POLLOUT) return;
    static_cast<void>(!::write(STDERR_FILENO, text_, size_));
}

}  // namespace syspulse::keeper
