#include "manager/successor.hpp"

#include <algorithm>
#include <system_error>

#include "base/path_text.hpp"
#include "manager/keeping.hpp"
#include "model/schedule_zone.hpp"
#include "platform/file_trust.hpp"

namespace syspulse::manager {
namespace {

using plugin_host::KindType;
using plugin_host::PluginInfo;

// The loaded bundled plugin with that kind, or null.
const PluginInfo* bundled_with(const plugin_host::PluginCatalog& plugins, KindType type,
                               const std::string& name) {
    for (const PluginInfo& plugin : plugins.plugins()) {
        if (!plugin.loaded() || !plugin.bundled) continue;
        const bool has_it =
            std::any_of(plugin.kinds.begin(), plugin.kinds.end(),
                        [&](const auto& kind) { return kind.type == type && kind.name == name; });
        if (has_it) return &plugin;
    }
    return nullptr;
}

constexpr const char* install_whole =
    "; install the new version whole, with bin, lib and share side by side, and name the program "
    "in its bin";

bool is_in_any(const std::filesystem::path& name,
               const std::vector<std::filesystem::path>& directories) {
    return std::any_of(directories.begin(), directories.end(), [&](const auto& directory) {
        std::error_code ignored;
        return std::filesystem::is_regular_file(directory / name, ignored);
    });
}

}  // namespace

Result<std::filesystem::path> program_to_hand_over_to(const std::string& file,
                                                      std::uint64_t stamp) {
    auto trusted = platform::trusted_file(path_from_utf8(file));
    if (!trusted) return trusted.error();
    if (const auto fine = is_program(*trusted); !fine) return fine.error();
    if (const auto back = has_way_back(stamp); !back) return back.error();
    return trusted;
}

Result<void> has_plugins_of(const std::vector<engine::SpecPtr>& daemons,
                            const plugin_host::PluginCatalog& plugins,
                            const std::vector<std::filesystem::path>& search_path) {
    for (const engine::SpecPtr& daemon : daemons) {
        const auto missing = [&](KindType type, const std::string& kind) -> Result<void> {
            const PluginInfo* const plugin = bundled_with(plugins, type, kind);
            if (plugin == nullptr || is_in_any(plugin->path.filename(), search_path)) return {};
            return Error{ErrorCode::invalid_argument,
                         "it would not find the plugin " + plugin->path.filename().string() +
                             ", which \"" + daemon->name + "\" is " +
                             (type == KindType::driver ? "run" : "checked") + " with, in " +
                             search_path.back().string() + install_whole};
        };
        if (auto found = missing(KindType::driver, daemon->driver.type); !found) return found;
        if (!daemon->health_check) continue;
        if (auto found = missing(KindType::checker, daemon->health_check->checker.type); !found)
            return found;
    }
    return {};
}

Result<void> has_zones_of(const std::vector<engine::SpecPtr>& daemons,
                          const std::filesystem::path& program) {
    const auto directory = program.parent_path().parent_path() / model::zone_database_place;
    const std::string missing = model::missing_of_zone_database(directory.string());
    if (missing.empty()) return {};
    for (const engine::SpecPtr& daemon : daemons) {
        if (!daemon->schedule) continue;
        const std::string zone(
            model::zone_needed_for(daemon->schedule->cron, daemon->schedule->timezone));
        if (zone.empty()) continue;
        return Error{ErrorCode::invalid_argument,
                     "it would not find the time zone \"" + zone + "\", which the schedule of \"" +
                         daemon->name + "\" is in: there is no " + missing + install_whole};
    }
    return {};
}

}  // namespace syspulse::manager
