// What instances say: bounded, safe to show, and without the secrets in their options.
#include <utility>

#include "base/log.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/plugin_secrets.hpp"
#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::uint32_t log_lines_per_second = 50;

log::Level level_of(std::int32_t level) {
    if (level <= SYSP_LOG_DEBUG) return log::Level::debug;
    if (level == SYSP_LOG_INFO) return log::Level::info;
    if (level == SYSP_LOG_WARN) return log::Level::warn;
    return log::Level::error;
}

}  // namespace

void HostCore::keep_secret(Instance& instance, std::string_view schema, std::string_view options) {
    std::vector<std::string> found = secret_values(schema, options);
    const std::lock_guard lock(instance.log_mutex);
    add_secrets(instance.secrets, std::move(found));
}

std::string HostCore::shown(Instance& instance, std::string text) {
    const std::lock_guard lock(instance.log_mutex);
    return instance.secrets.empty() ? text : without_secrets(std::move(text), instance.secrets);
}

std::string HostCore::shown(Instance& instance, const sysp_str& text) {
    const std::lock_guard lock(instance.log_mutex);
    return safe_text_without(text, message_limit, instance.secrets);
}

Error HostCore::shown(Instance& instance, const sysp_error& error) {
    return error_of(error, [&](const sysp_str& text) { return shown(instance, text); });
}

void HostCore::log(Instance& instance, std::int32_t level, const char* text, std::size_t length) {
    const std::optional<Instant> at = now();
    if (!at || !instance.open || text == nullptr) return;
    std::uint64_t dropped = 0;
    std::string line;
    {
        const std::lock_guard lock(instance.log_mutex);
        if (*at - instance.log_window >= std::chrono::seconds{1}) {
            instance.log_window = *at;
            instance.log_lines = 0;
            dropped = std::exchange(instance.log_dropped, 0);
        }
        if (++instance.log_lines > log_lines_per_second) {
            ++instance.log_dropped;
            const std::lock_guard counting(mutex_);
            ++blame().log_lines_dropped;
            return;
        }
        line = "plugin " + *instance.label + ": " +
               safe_text_without({text, length}, log_line_limit, instance.secrets);
    }
    if (dropped > 0) {
        log::warn("plugin " + *instance.label + ": " + std::to_string(dropped) +
                  " log lines dropped, it logs too fast");
    }
    log::write(level_of(level), line);
}

void HostCore::keep_error(Instance& instance, const sysp_error& error) {
    if (!on_loop_thread() || in_call_ != &instance) return;
    instance.last_error = shown(instance, error);
}

}  // namespace syspulse::plugin_host
