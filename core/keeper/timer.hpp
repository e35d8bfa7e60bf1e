// The one timer of the keeper's process, which raises SIGALRM.
#pragma once

#include <sys/time.h>

namespace syspulse::keeper {

// Zero: never.
inline void start_timer(long delay_ms) {
    const itimerval timer = {{0, 0}, {delay_ms / 1000, delay_ms % 1000 * 1000}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

inline bool timer_is_set() {
    itimerval timer{};
    ::getitimer(ITIMER_REAL, &timer);
    return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

}  // namespace syspulse::keeper
