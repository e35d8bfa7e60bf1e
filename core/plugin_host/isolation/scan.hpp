// What a plugin file says of itself, found out in a process that is thrown away.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/exit_status.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "platform/helper_process.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

// Of a process that was started for one question. One that was answered may end by itself within a
// second; it is ended in any case.
std::optional<ExitStatus> end_process(const platform::HelperProcess& helper, bool by_itself);

// Scans all files at the same time and blocks until all are known or `limit` has passed. `program`
// as in platform::start_helper(). The results are in the order of the files.
std::vector<Result<PluginInfo>> scan_files(const std::filesystem::path& program,
                                           const std::vector<std::filesystem::path>& files,
                                           const SchemaCheck& schema_check, Duration limit);

}  // namespace syspulse::plugin_host
