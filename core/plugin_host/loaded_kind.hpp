// A kind of a loaded plugin with the host's own copy of its function table. Inside of plugin_host
// only.
#pragma once

#include <syspulse/plugin.h>

#include <string>

#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

class RemotePlugin;

struct LoadedKind {
    KindInfo info;
    std::string plugin_id;
    // The process of the plugin; null when it is loaded here.
    RemotePlugin* remote = nullptr;
    // Only the table of the kind's type is filled. A member that the plugin's build did not know
    // yet is null, so that nobody after the loader has to look at sizes.
    sysp_checker_vtbl checker{};
    sysp_driver_vtbl driver{};
};

}  // namespace syspulse::plugin_host
