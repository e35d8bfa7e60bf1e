// How many daemons the system lets this process run at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace syspulse::platform {

// Descriptors that starting daemons leaves to everything else: clients, checks, files.
constexpr std::size_t descriptors_kept_free = 128;

struct DaemonLimit {
    std::uint64_t daemons = 0;
    std::string what;    // "the limit of open descriptors (1024)"
    std::string remedy;  // "raise the hard limit (ulimit -Hn)"
};

// The limits that are known, with what each leaves for daemons. Reads them anew.
std::vector<DaemonLimit> daemon_limits();

}  // namespace syspulse::platform
