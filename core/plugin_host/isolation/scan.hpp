// What a plugin file says of itself, found out in a process that is thrown away.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

// Scans all files at the same time and blocks until all are known or `limit` has passed. `program`
// as in platform::start_helper(). The results are in the order of the files.
std::vector<Result<PluginInfo>> scan_files(const std::filesystem::path& program,
                                           const std::vector<std::filesystem::path>& files,
                                           const SchemaCheck& schema_check, Duration limit);

}  // namespace syspulse::plugin_host
