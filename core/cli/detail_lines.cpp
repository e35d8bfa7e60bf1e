#include "cli/detail_lines.hpp"

#include "cli/text.hpp"

namespace syspulse::cli {

Json object_of(std::string_view text) {
    Json json = Json::parse(text.begin(), text.end(), nullptr, false);
    return json.is_object() ? json : Json::object();
}

const Json& member(const Json& object, const char* key) {
    static const Json none;
    if (!object.is_object()) {
        return none;
    }
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

std::string text(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : "";
}

double number(const Json& object, const char* key) {
    const Json& value = member(object, key);
    return value.is_number() ? value.get<double>() : 0;
}

bool has_number(const Json& object, const char* key) {
    return member(object, key).is_number();
}

std::string list(const Json& object, const char* key) {
    std::vector<std::string> words;
    for (const Json& item : member(object, key).is_array() ? member(object, key) : Json::array()) {
        words.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    }
    return join(words, ", ");
}

}  // namespace syspulse::cli
