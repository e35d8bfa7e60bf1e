// The keys of each block of a spec, in the order of the documentation.
#pragma once

#include <array>
#include <string_view>

namespace syspulse::config::keys {

using namespace std::string_view_literals;

inline constexpr std::array top{"daemons"sv, "plugins"sv};
inline constexpr std::array plugin{"isolation"sv,     "user"sv,   "group"sv,
                                   "watchdog_secs"sv, "limits"sv, "restart"sv};
inline constexpr std::array plugin_limits{"max_memory_bytes"sv, "max_open_files"sv};
inline constexpr std::array plugin_restart{"max_retries"sv, "backoff_base_secs"sv,
                                           "backoff_max_secs"sv, "reset_after_secs"sv};
inline constexpr std::array daemon{"command"sv,
                                   "description"sv,
                                   "working_dir"sv,
                                   "env"sv,
                                   "user"sv,
                                   "driver"sv,
                                   "health_check"sv,
                                   "restart_policy"sv,
                                   "success_exit_codes"sv,
                                   "stop_signal"sv,
                                   "stop_timeout_secs"sv,
                                   "resource_limits"sv,
                                   "schedule"sv,
                                   "log_config"sv,
                                   "tags"sv,
                                   "depends_on"sv,
                                   "autostart"sv};
inline constexpr std::array driver{"type"sv, "with"sv};
inline constexpr std::array health_check{"type"sv,
                                         "target"sv,
                                         "interval_secs"sv,
                                         "timeout_secs"sv,
                                         "retries"sv,
                                         "start_period_secs"sv,
                                         "success_threshold"sv,
                                         "on_unhealthy"sv,
                                         "with"sv};
inline constexpr std::array restart_policy{"policy"sv, "max_retries"sv, "backoff_base_secs"sv,
                                           "backoff_max_secs"sv, "reset_after_secs"sv};
inline constexpr std::array resource_limits{"max_memory_bytes"sv, "max_cpu_percent"sv,
                                            "max_open_files"sv, "max_processes"sv};
inline constexpr std::array schedule{"cron"sv, "timezone"sv, "overlap"sv, "catch_up"sv};
inline constexpr std::array log_config{"capture"sv,          "max_size_bytes"sv, "retain_count"sv,
                                       "compress_rotated"sv, "timestamps"sv,     "on_full"sv};

}  // namespace syspulse::config::keys
