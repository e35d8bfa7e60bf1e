#include "config/known_keys.hpp"

#include "config/spec_loader.hpp"

namespace syspulse::config {
namespace {

template <class Array>
KeyGroup group(std::string_view block, const Array& list) {
    return {block, {list.begin(), list.end()}};
}

}  // namespace

std::vector<KeyGroup> known_keys() {
    return {group("", keys::top),
            group("daemon", keys::daemon),
            group("driver", keys::driver),
            group("health_check", keys::health_check),
            group("restart_policy", keys::restart_policy),
            group("resource_limits", keys::resource_limits),
            group("schedule", keys::schedule),
            group("log_config", keys::log_config),
            group("plugin", keys::plugin),
            group("plugin_limits", keys::plugin_limits),
            group("plugin_restart", keys::plugin_restart)};
}

}  // namespace syspulse::config
