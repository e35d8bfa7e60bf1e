#include "manager/crashed_managers.hpp"

#include <optional>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "keeper/crashes.hpp"
#include "manager/plugin_warnings.hpp"

namespace syspulse::manager {

void tell_crash(keeper::Link& link) {
    const auto crash = link.last_crash();
    if (!crash) return;
    std::string calls;
    for (const std::string& call : crash->calls) calls += (calls.empty() ? "" : ", ") + call;
    log::error("the last manager " + crash->how +
               (calls.empty() ? "; no plugin was being called"
                              : "; being called: " + calls +
                                    ". A plugin with \"isolation: process\" in its settings "
                                    "cannot end the manager"));
}

void banish_crashing(plugin_host::IsolationOptions& isolation, const keeper::Link& link) {
    isolation.policy = [inner = std::move(isolation.policy),
                        &link](const plugin_host::PluginInfo& plugin) {
        plugin_host::IsolationPolicy policy = inner(plugin);
        if (policy.isolated || plugin.bundled || !link.crashes_managers(plugin.id)) return policy;
        policy.isolated = true;
        policy.banished = true;
        return policy;
    };
}

void warn_of_banished(const plugin_host::PluginHost& plugins) {
    for (const plugin_host::PluginInfo& plugin : plugins.catalog().plugins()) {
        if (plugin.banished) log::warn(banishment(plugin));
    }
}

}  // namespace syspulse::manager
