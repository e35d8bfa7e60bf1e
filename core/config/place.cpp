#include "config/place.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace syspulse::config {
namespace {

std::string unescaped(std::string_view word) {
    std::string text;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const bool escape = word[i] == '~' && i + 1 < word.size();
        if (escape) ++i;
        text += !escape ? word[i] : word[i] == '0' ? '~' : '/';
    }
    return text;
}

// The value below `parent`, with its place in `place`; null where the document has none.
const Value* step(const Value& parent, const std::string& word, Place& place) {
    if (parent.kind == Value::Kind::map) {
        const auto member =
            std::find_if(parent.members.begin(), parent.members.end(),
                         [&](const Member& candidate) { return candidate.key == word; });
        if (member == parent.members.end()) return nullptr;
        place.where = member->key_where;
        place.key = word;
        return &member->value;
    }
    std::size_t index = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), index);
    if (parsed.ec != std::errc{} || index >= parent.items.size()) return nullptr;
    place.where = parent.items[index].where;
    return &parent.items[index];
}

}  // namespace

Place find_place(const Value& document, std::string_view message) {
    Place place;
    place.rest = message;
    const auto end = message.find(": ");
    if (!message.starts_with('/') || end == std::string_view::npos) return place;
    std::string_view pointer = message.substr(1, end - 1);
    const Value* value = &document;
    while (value != nullptr) {
        const auto slash = pointer.find('/');
        value = step(*value, unescaped(pointer.substr(0, slash)), place);
        place.found = place.found || value != nullptr;
        if (slash == std::string_view::npos) break;
        pointer.remove_prefix(slash + 1);
    }
    if (place.found) place.rest = message.substr(end + 2);
    return place;
}

}  // namespace syspulse::config
