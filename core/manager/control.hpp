// The manager's answers to the control API: translates its calls into requests to the conductor,
// and what the manager knows into views.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/control_service.hpp"
#include "keeper/link.hpp"
#include "manager/accounts.hpp"
#include "manager/conductor.hpp"
#include "platform/data_dir.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::manager {

// All outlive the control.
struct ControlParts {
    Conductor& conductor;
    platform::EventLoop& loop;
    const platform::Clock& clock;
    plugin_host::PluginHost& plugins;
    Accounts& accounts;
    platform::DataPaths paths;
    std::int64_t pid = 0;
    keeper::Link* link = nullptr;                      // Null without a keeper.
    std::vector<std::filesystem::path> plugin_dirs{};  // As given to the manager.
};

std::unique_ptr<api::ControlService> make_control(ControlParts parts);

}  // namespace syspulse::manager
