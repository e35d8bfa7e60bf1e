#include "config/plugin_set.hpp"

#include <algorithm>

#include "config/place.hpp"
#include "config/suggest.hpp"

namespace syspulse::config {

const PluginKind* PluginSet::find(std::string_view name) const noexcept {
    if (kinds_ == nullptr) return nullptr;
    const auto found = std::find_if(kinds_->begin(), kinds_->end(),
                                    [&](const PluginKind& kind) { return kind.name == name; });
    return found == kinds_->end() ? nullptr : &*found;
}

// What is asked for is not there: what may be meant, or where it would be looked for.
std::string PluginSet::unknown(const std::string& type) const {
    const std::string noun(noun_);
    std::vector<std::string_view> names;
    for (const PluginKind& known : *kinds_) {
        if (!type.empty() && known.plugin_id == type) {
            return "unknown " + noun + " \"" + type + "\"; that is the id of a plugin, whose " +
                   noun + " is called \"" + known.name + '"';
        }
        names.push_back(known.name);
    }
    std::string text = "unknown " + noun + " \"" + type + '"';
    const std::string near = suggestion(type, names);
    text += near.empty() ? suggestion(type, names, "available") : near;
    if (names.empty()) text += "; no " + noun + " is installed";
    if (not_loaded_ != 0) {
        text += "; " + std::to_string(not_loaded_) +
                (not_loaded_ == 1 ? " plugin file" : " plugin files") +
                " could not be loaded, see: syspulse plugin list";
    } else if (near.empty()) {
        text += "; --plugin-dir or SYSPULSE_PLUGIN_PATH names directories with others";
    }
    return text;
}

void PluginSet::resolve(model::PluginChoice& choice, const Value* with, const Position& where,
                        Issues& issues) {
    if (with != nullptr && with->kind != Value::Kind::map && with->kind != Value::Kind::null) {
        issues.push_back({with->where, "\"with\" must be a map, found " + describe(*with)});
        return;
    }
    Value options;
    if (with != nullptr) options = *with;
    if (options.kind == Value::Kind::null) {
        options.kind = Value::Kind::map;
        options.where = where;
    }
    const std::size_t before = issues.size();
    if (!unchecked()) {
        const PluginKind* kind = find(choice.type);
        if (kind == nullptr) {
            issues.push_back({where, unknown(choice.type)});
            return;
        }
        const JsonSchema* schema = schema_of(*kind, where, issues);
        if (schema == nullptr) return;
        // The defaults are those of the schema that is there when the options are used.
        schema->apply(options, issues, Defaults::left_out);
    }
    choice.options_json = to_json_text(options);
    if (!unchecked() && issues.size() == before) try_options(choice, options, where, issues);
}

// What no schema can say, such as whether a file exists, the plugin finds out itself.
void PluginSet::try_options(const model::PluginChoice& choice, const Value& options,
                            const Position& where, Issues& issues) const {
    if (!try_options_) return;
    const auto taken = try_options_(choice.type, choice.options_json);
    if (!taken) refuse(choice, options, where, taken.error().message, issues);
}

void PluginSet::refuse(const model::PluginChoice& choice, const Value& document,
                       const Position& where, std::string_view message, Issues& issues) const {
    const Place place = find_place(document, message);
    const std::string what = "the " + std::string(noun_) + " \"" + choice.type + "\" ";
    issues.push_back(place.found
                         ? Issue{place.where, what + "refuses \"" + std::string(place.key) +
                                                  "\": " + std::string(place.rest)}
                         : Issue{where, what + "refuses its options: " + std::string(message)});
}

const JsonSchema* PluginSet::schema_of(const PluginKind& kind, const Position& where,
                                       Issues& issues) {
    auto found = schemas_.find(kind.name);
    if (found == schemas_.end()) {
        auto parsed = JsonSchema::parse(kind.schema_json);
        std::optional<JsonSchema> schema;
        if (parsed) {
            schema = *parsed;
        } else {
            issues.push_back({where, "cannot use the " + std::string(noun_) + " \"" + kind.name +
                                         "\": " + parsed.error().message});
        }
        found = schemas_.emplace(kind.name, std::move(schema)).first;
    }
    return found->second ? &*found->second : nullptr;
}

}  // namespace syspulse::config
