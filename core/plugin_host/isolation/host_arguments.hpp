// The command line of a plugin host, written by the manager and read by the host.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "plugin_host/isolation/policy.hpp"

namespace syspulse::plugin_host {

// What the first argument, the name of the process, must be.
constexpr const char* host_program_name = "syspulse-plugin-host";

struct HostArguments {
    bool scan = false;  // Report the descriptor and end, instead of serving.
    std::filesystem::path plugin;
    IsolationPolicy policy;  // User, group and limits.
};

std::vector<std::string> serve_arguments(const std::filesystem::path& plugin,
                                         const IsolationPolicy& policy);
std::vector<std::string> scan_arguments(const std::filesystem::path& plugin);
std::optional<HostArguments> parse_host_arguments(const std::vector<std::string>& arguments);

}  // namespace syspulse::plugin_host
