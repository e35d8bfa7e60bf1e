#include "plugin_host/plugin_secrets.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "plugin_host/plugin_text.hpp"

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

// A secret that is part of another comes after it: hidden first, it would leave the rest to be
// read.
bool hidden_first(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
}

}  // namespace

std::vector<std::string> secret_values(std::string_view schema, std::string_view options) {
    std::vector<std::string> found;
    if (schema.find(secret_mark) == std::string_view::npos) return found;
    const Json rules = Json::parse(schema, nullptr, false);
    const Json given = Json::parse(options, nullptr, false);
    if (rules.is_discarded() || given.is_discarded()) return found;
    collect_secrets(rules, given, false, found);
    std::sort(found.begin(), found.end(), hidden_first);
    return found;
}

void add_secrets(std::vector<std::string>& known, std::vector<std::string> more) {
    for (std::string& secret : more) {
        const auto place = std::lower_bound(known.begin(), known.end(), secret, hidden_first);
        if (place == known.end() || *place != secret) known.insert(place, std::move(secret));
    }
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

std::string safe_text_without(const sysp_str& text, std::size_t limit,
                              const std::vector<std::string>& secrets) {
    if (secrets.empty() || text.ptr == nullptr) return safe_text(text.ptr, text.len, limit);
    const std::size_t longest = secrets.front().size();
    const std::size_t seen = std::min(text.len, limit + longest);
    std::string masked = without_secrets(std::string(text.ptr, seen), secrets);
    // The end of what was read may be the beginning of a secret.
    if (seen < text.len) masked.resize(masked.size() - std::min(masked.size(), longest - 1));
    return safe_text(masked.data(), masked.size(), limit);
}

}  // namespace syspulse::plugin_host
