// What the operator declared about one daemon, after validation and with defaults filled in.
// CONTRACT for users: syspulse.yaml(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/boxed.hpp"
#include "base/maybe.hpp"
#include "base/rare_list.hpp"
#include "base/rare_text.hpp"
#include "base/time.hpp"
#include "model/restart_policy.hpp"
#include "model/schedule.hpp"

namespace syspulse::model {

// Which plugin does a job, and the options that only it understands.
struct PluginChoice {
    std::string type;
    std::string options_json =
        "{}";  // The `with:` block as JSON, defaults from the plugin's schema filled in.

    bool operator==(const PluginChoice&) const = default;
};

struct HealthCheckSpec {
    enum class OnUnhealthy : std::uint8_t { none, restart };

    PluginChoice checker;
    std::string target;
    Duration interval = std::chrono::seconds{30};
    Duration timeout = std::chrono::seconds{5};
    std::uint32_t retries = 3;            // Consecutive failures until unhealthy.
    Duration start_period{0};             // Failures in it do not count.
    std::uint32_t success_threshold = 1;  // Consecutive successes until healthy.
    OnUnhealthy on_unhealthy = OnUnhealthy::restart;

    bool operator==(const HealthCheckSpec&) const = default;
};

struct ResourceLimits {
    Maybe<std::uint64_t> max_memory_bytes;
    Maybe<double> max_cpu_percent;  // Of one CPU; above 100 means several.
    Maybe<std::uint64_t> max_open_files;
    Maybe<std::uint64_t> max_processes;

    bool operator==(const ResourceLimits&) const = default;
};

struct ScheduleSpec {
    enum class Overlap : std::uint8_t { skip, queue, replace };
    enum class CatchUp : std::uint8_t { none, one };

    std::string cron;
    std::string timezone;  // Empty: the system's local zone.
    Overlap overlap = Overlap::skip;
    CatchUp catch_up = CatchUp::none;
    Schedule compiled;

    bool operator==(const ScheduleSpec& other) const {
        return cron == other.cron && timezone == other.timezone && overlap == other.overlap &&
               catch_up == other.catch_up;
    }
};

struct LogConfig {
    // What happens to output that cannot be written although the oldest archives are gone.
    enum class OnFull : std::uint8_t { drop, block };

    std::uint64_t max_size_bytes = 50ULL * 1024 * 1024;
    std::uint32_t retain_count = 5;
    bool capture = true;  // Otherwise its output goes nowhere, and the rest means nothing.
    bool compress_rotated = false;
    bool timestamps = false;
    OnFull on_full = OnFull::drop;

    bool operator==(const LogConfig&) const = default;
};

// The exit codes of a run that ended well; mostly zero alone, which takes no room of its own.
class SuccessCodes {
  public:
    SuccessCodes() = default;
    SuccessCodes(std::vector<std::uint32_t> codes) {  // NOLINT: they mean the same.
        if (codes != usual()) others_ = std::move(codes);
    }

    const std::vector<std::uint32_t>& codes() const {
        return others_.empty() ? usual() : others_.items();
    }

    bool operator==(const SuccessCodes&) const = default;

  private:
    static const std::vector<std::uint32_t>& usual() {
        static const std::vector<std::uint32_t> zero{0};
        return zero;
    }

    RareList<std::uint32_t> others_;  // Empty: the usual ones.
};

struct DaemonSpec {
    std::string name;
    std::vector<std::string> command;  // argv, never empty.
    RareText description;
    RareText working_dir;                               // Empty: the root.
    RareList<std::pair<std::string, std::string>> env;  // In the file's order.
    RareText user;                                      // Empty: the manager's.
    PluginChoice driver{"posix", "{}"};
    Boxed<HealthCheckSpec> health_check;
    RestartPolicy restart;
    SuccessCodes success_exit_codes;
    std::int32_t stop_signal = 15;
    bool autostart = false;
    Duration stop_timeout = std::chrono::seconds{30};
    ResourceLimits limits;
    Boxed<ScheduleSpec> schedule;
    LogConfig log;
    RareList<std::string> tags;
    RareList<std::string> depends_on;

    bool operator==(const DaemonSpec&) const = default;
};

// Whether a run of one is begun as a run of the other is; what else differs applies to it at once.
bool begin_alike(const DaemonSpec& one, const DaemonSpec& other);

// [A-Za-z0-9][A-Za-z0-9._@-]{0,127}
bool is_valid_daemon_name(std::string_view name) noexcept;

}  // namespace syspulse::model
