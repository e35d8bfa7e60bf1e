#include "plugin_host/isolation/descriptor_text.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "plugin_host/module_check.hpp"

namespace syspulse::plugin_host {
namespace {

using nlohmann::json;

json kind_json(const KindInfo& kind) {
    return {{"driver", kind.type == KindType::driver},
            {"name", kind.name},
            {"summary", kind.summary},
            {"config_schema", kind.config_schema},
            {"process_schema", kind.process_schema},
            {"enforces", kind.enforces}};
}

KindInfo kind_of(const json& text) {
    KindInfo kind;
    kind.type = text.at("driver").get<bool>() ? KindType::driver : KindType::checker;
    text.at("name").get_to(kind.name);
    text.at("summary").get_to(kind.summary);
    text.at("config_schema").get_to(kind.config_schema);
    text.at("process_schema").get_to(kind.process_schema);
    text.at("enforces").get_to(kind.enforces);
    return kind;
}

PluginInfo plugin_of(const json& text) {
    PluginInfo plugin;
    text.at("id").get_to(plugin.id);
    text.at("version").get_to(plugin.version);
    text.at("vendor").get_to(plugin.vendor);
    text.at("sdk").get_to(plugin.sdk);
    text.at("abi_major").get_to(plugin.abi_major);
    text.at("abi_minor").get_to(plugin.abi_minor);
    for (const json& kind : text.at("kinds")) plugin.kinds.push_back(kind_of(kind));
    return plugin;
}

}  // namespace

std::string descriptor_text(const PluginInfo& plugin) {
    json text{
        {"id", plugin.id},       {"version", plugin.version},     {"vendor", plugin.vendor},
        {"sdk", plugin.sdk},     {"abi_major", plugin.abi_major}, {"abi_minor", plugin.abi_minor},
        {"kinds", json::array()}};
    for (const KindInfo& kind : plugin.kinds) text["kinds"].push_back(kind_json(kind));
    // Texts of a plugin may be anything; what is not UTF-8 is replaced.
    return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<PluginInfo> parse_descriptor(std::string_view text, const SchemaCheck& schema_check) {
    PluginInfo plugin;
    try {
        plugin = plugin_of(json::parse(text));
    } catch (const std::exception&) {
        return Error{ErrorCode::corrupt, "its descriptor cannot be read"};
    }
    if (const auto checked = check_info(plugin, schema_check); !checked) return checked.error();
    return plugin;
}

}  // namespace syspulse::plugin_host
