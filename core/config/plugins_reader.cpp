// The block "plugins".
#include "config/field_reader.hpp"
#include "config/known_keys.hpp"
#include "config/spec_reader.hpp"

namespace syspulse::config {
namespace {

constexpr std::array<std::pair<std::string_view, bool>, 2> isolations{
    {{"process", true}, {"none", false}}};

constexpr std::int64_t plugin_count_max = 1'000'000'000;
constexpr std::int64_t files_min = 16;  // A host needs some to live.
constexpr std::uint64_t memory_min = 16ULL << 20;

void read_limits(const Value& block, PluginSetting& setting, Issues& issues) {
    if (!require_map("limits", block, "a map", issues)) return;
    FieldReader fields(block, keys::plugin_limits, issues);
    std::uint64_t count = 0;
    if (fields.bytes("max_memory_bytes", count)) {
        setting.max_memory_bytes = count;
        if (count < memory_min) {
            fields.fail(fields.find("max_memory_bytes")->where,
                        "\"max_memory_bytes\" of a plugin must be at least 16M");
        }
    }
    if (fields.whole("max_open_files", count, files_min, plugin_count_max))
        setting.max_open_files = count;
}

void read_restart(const Value& block, PluginSetting& setting, Issues& issues) {
    if (!require_map("restart", block, "a map", issues)) return;
    FieldReader fields(block, keys::plugin_restart, issues);
    Duration time{};
    std::uint32_t retries = 0;
    if (fields.seconds("backoff_base_secs", time, Zero::allowed)) setting.backoff_base = time;
    if (fields.seconds("backoff_max_secs", time, Zero::allowed)) setting.backoff_max = time;
    if (fields.seconds("reset_after_secs", time, Zero::allowed)) setting.reset_after = time;
    if (fields.whole("max_retries", retries, 0, plugin_count_max)) setting.max_retries = retries;
}

// What is set for a process that there is not, is a mistake.
void refuse_without_process(FieldReader& fields, const PluginSetting& setting) {
    if (setting.isolated.value_or(true)) return;
    for (const std::string_view key : keys::plugin) {
        if (key == "isolation" || fields.find(key) == nullptr) continue;
        fields.fail(fields.key_position(key),
                    "\"" + std::string(key) + "\" has no effect with \"isolation: none\"");
    }
}

PluginSetting read_plugin(const Member& entry, const LoadOptions& options, Issues& issues) {
    PluginSetting setting;
    setting.name = entry.key;
    setting.line = entry.key_where.line;
    setting.column = entry.key_where.column;
    if (!require_map(entry.key, entry.value, "a map", issues)) return setting;
    FieldReader fields(entry.value, keys::plugin, issues);
    bool isolated = true;
    if (fields.word("isolation", isolated, isolations)) setting.isolated = isolated;
    fields.text("user", setting.user);
    fields.text("group", setting.group);
    if (setting.user.find(':') != std::string::npos) {
        fields.fail(fields.find("user")->where,
                    "write the group as \"group\", apart from \"user\"");
    } else if (!setting.user.empty() && options.user_exists && !options.user_exists(setting.user)) {
        fields.fail(fields.find("user")->where, "there is no user \"" + setting.user + "\"");
    }
    Duration time{};
    if (fields.seconds("watchdog_secs", time, Zero::refused)) setting.watchdog = time;
    if (const Value* limits = fields.find("limits")) read_limits(*limits, setting, issues);
    if (const Value* restart = fields.find("restart")) read_restart(*restart, setting, issues);
    refuse_without_process(fields, setting);
    return setting;
}

}  // namespace

std::vector<PluginSetting> read_plugins(const Value& block, const LoadOptions& options,
                                        Issues& issues) {
    std::vector<PluginSetting> settings;
    if (!require_map("plugins", block, "a map of names to settings", issues)) return settings;
    for (const Member& member : block.members) {
        settings.push_back(read_plugin(member, options, issues));
    }
    return settings;
}

}  // namespace syspulse::config
