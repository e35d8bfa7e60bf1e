// What a look can tell of a program that is to take the place of this one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/supervisor.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::manager {

// The file as the keeper is to start it, or why it is not to. `stamp` is that of the present
// program's file when it started.
Result<std::filesystem::path> program_to_hand_over_to(const std::string& file, std::uint64_t stamp);

// The plugins that come with a program are looked for beside it; a daemon whose driver is not there
// any more can be neither stopped nor started, nor checked without its checker. The error names a
// plugin that these daemons use and that no directory of the new program's search path has.
Result<void> has_plugins_of(const std::vector<engine::SpecPtr>& daemons,
                            const plugin_host::PluginCatalog& plugins,
                            const std::vector<std::filesystem::path>& search_path);

// A program may bring the time zones along, beside it, too. The error names a daemon whose schedule
// needs one, and what is not there.
Result<void> has_zones_of(const std::vector<engine::SpecPtr>& daemons,
                          const std::filesystem::path& program);

}  // namespace syspulse::manager
