#include "plugin_host/plugin_secrets.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace syspulse::plugin_host {
namespace {

using Json = nlohmann::json;

constexpr std::size_t shortest_secret = 4;
constexpr const char* secret_mark = "x-syspulse-secret";

void collect_secrets(const Json& schema, const Json& value, bool secret,
                     std::vector<std::string>& found) {
    const bool hidden = secret || (schema.is_object() && schema.contains(secret_mark) &&
                                   schema[secret_mark] == Json(true));
    const auto part = [&](const char* keyword) -> const Json& {
        static const Json none;
        return schema.is_object() && schema.contains(keyword) ? schema[keyword] : none;
    };
    if (value.is_object()) {
        const Json& properties = part("properties");
        for (const auto& [key, member] : value.items()) {
            const bool named = properties.is_object() && properties.contains(key);
            collect_secrets(named ? properties[key] : part("additionalProperties"), member, hidden,
                            found);
        }
    } else if (value.is_array()) {
        for (const Json& item : value) collect_secrets(part("items"), item, hidden, found);
    } else if (hidden && !value.is_null()) {
        std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        if (text.size() >= shortest_secret) found.push_back(std::move(text));
    }
}

}  // namespace

std::vector<std::string> secret_values(std::string_view schema, std::string_view options) {
    std::vector<std::string> found;
    if (schema.find(secret_mark) == std::string_view::npos) return found;
    const Json rules = Json::parse(schema, nullptr, false);
    const Json given = Json::parse(options, nullptr, false);
    if (rules.is_discarded() || given.is_discarded()) return found;
    collect_secrets(rules, given, false, found);
    std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() > b.size() : a < b;
    });
    return found;
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
    constexpr std::string_view stars = "***";
    for (const std::string& secret : secrets) {
        for (std::size_t at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + stars.size())) {
            text.replace(at, secret.size(), stars);
        }
    }
    return text;
}

}  // namespace syspulse::plugin_host
