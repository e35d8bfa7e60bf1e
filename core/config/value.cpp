#include "config/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace syspulse::config {
namespace {

constexpr std::size_t shown_text_max = 60;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// [-+]digits, without a leading zero: 0755 is octal for some readers of YAML and decimal for
// others, so it is a number for none here.
bool looks_like_integer(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
    return std::all_of(text.begin(), text.end(), is_digit);
}

std::string_view without_plus(std::string_view text) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    return text;
}

bool parse_number(std::string_view text, double& out) {
    text = without_plus(text);
    std::string_view digits = text;
    if (!digits.empty() && digits.front() == '-') digits.remove_prefix(1);
    if (digits.empty() || !(is_digit(digits.front()) || digits.front() == '.')) return false;
    if (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && std::isfinite(out);
}

nlohmann::json to_json_value(const Value& value) {
    switch (value.kind) {
        case Value::Kind::null:
            return nullptr;
        case Value::Kind::boolean:
            return value.boolean;
        case Value::Kind::integer:
            return value.integer;
        case Value::Kind::number:
            return value.number;
        case Value::Kind::string:
            return value.text;
        case Value::Kind::list: {
            auto list = nlohmann::json::array();
            for (const Value& item : value.items) list.push_back(to_json_value(item));
            return list;
        }
        case Value::Kind::map: {
            auto map = nlohmann::json::object();
            for (const Member& member : value.members)
                map[member.key] = to_json_value(member.value);
            return map;
        }
    }
    return nullptr;
}

}  // namespace

const Value* Value::find(std::string_view key) const noexcept {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const Member& member) { return member.key == key; });
    return found == members.end() ? nullptr : &found->value;
}

std::string describe(const Value& value) {
    switch (value.kind) {
        case Value::Kind::null:
            return "nothing";
        case Value::Kind::boolean:
            return value.boolean ? "true" : "false";
        case Value::Kind::integer:
        case Value::Kind::number:
            return "the number " + value.text;
        case Value::Kind::string:
            if (value.text.size() <= shown_text_max) return "the text \"" + value.text + "\"";
            return "the text \"" + value.text.substr(0, shown_text_max) + "...\"";
        case Value::Kind::list:
            return "a list";
        case Value::Kind::map:
            return "a map";
    }
    return "nothing";
}

void resolve_plain(Value& value) {
    static constexpr std::array truths{"true", "True", "TRUE"};
    static constexpr std::array lies{"false", "False", "FALSE"};
    const std::string_view text = value.text;
    value.kind = Value::Kind::string;
    const bool is_true = std::find(truths.begin(), truths.end(), text) != truths.end();
    if (is_true || std::find(lies.begin(), lies.end(), text) != lies.end()) {
        value.kind = Value::Kind::boolean;
        value.boolean = is_true;
        return;
    }
    if (!parse_number(text, value.number)) return;
    value.kind = Value::Kind::number;
    if (!looks_like_integer(text)) return;
    const std::string_view digits = without_plus(text);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value.integer);
    if (error == std::errc{} && end == digits.data() + digits.size()) {
        value.kind = Value::Kind::integer;
    }
}

std::string to_json_text(const Value& value) {
    return to_json_value(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace syspulse::config
