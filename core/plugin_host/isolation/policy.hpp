// How far an operator trusts a plugin, and what its process is allowed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/misbehaviour.hpp"

namespace syspulse::plugin_host {

struct IsolationPolicy {
    bool isolated = true;
    bool banished = false;  // Isolated against the settings, as it has crashed managers.
    std::string user;       // Of the process; empty: the manager's.
    std::string group;      // Likewise.
    std::uint64_t max_memory_bytes = 1ULL << 30;  // Private, writable memory.
    std::uint64_t max_open_files = 1024;
    Duration watchdog = std::chrono::seconds{10};  // A process silent for so long is replaced.
    Duration backoff_base = std::chrono::milliseconds{200};
    Duration backoff_max = std::chrono::seconds{30};
    Duration reset_after = std::chrono::seconds{60};  // Running so long clears the back-off.
    std::optional<std::uint32_t> max_retries;         // Losses in a row until it is left alone.

    // What one operation may take, if the plugin is given `own` for it. A process that hangs is
    // replaced within the watchdog's time; what was under way is made again by the next one, which
    // has as long for it as any other.
    Duration operation_limit(Duration own) const { return isolated ? watchdog + own : own; }
    // A process that is silent for so long after a signal was to be passed on is not relied upon.
    Duration signal_patience() const {
        return std::min<Duration>(watchdog / 2, std::chrono::seconds{2});
    }

    bool operator==(const IsolationPolicy&) const = default;
};

// How a fresh process of a plugin came about.
struct Takeover {
    bool reloaded = false;    // Somebody wanted it; else there was none, or none any more.
    bool other_file = false;  // The file is not the one that ran, or was looked at, before.
};

// The check of a daemon that ends the process which makes it.
struct Culprit {
    std::string daemon;
    std::string error;  // How the process ended.
};

// The process of an isolated plugin.
struct HostStatus {
    enum class State : std::uint8_t {
        idle,     // Nobody has needed it yet.
        running,  // Started; it may still be loading.
        waiting,  // Lost; a fresh one starts after the back-off.
        failed,   // Lost too often; a reload starts it again.
    };
    State state = State::idle;
    std::int64_t pid = 0;
    std::uint64_t restarts = 0;
    std::string last_error;  // Why the last one was lost, also long ago.
    std::optional<WallTime> last_error_at;
    std::vector<Culprit> culprits;     // Made apart from all other checks.
    model::Misbehaviour misbehaviour;  // Seen in there, also in processes that are gone.
};

}  // namespace syspulse::plugin_host
