#include "api/query_string.hpp"

#include <algorithm>

namespace syspulse::api {
namespace {

constexpr std::size_t pairs_max = 64;

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10U;
    return std::nullopt;
}

Error bad_encoding() {
    return {ErrorCode::invalid_argument,
            "cannot read query: '%' must be followed by two hexadecimal digits"};
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const auto high = hex_digit(text[i + 1]);
            const auto low = hex_digit(text[i + 2]);
            if (!high || !low) return std::nullopt;
            c = static_cast<char>(*high * 16U + *low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') return std::nullopt;
        out += c;
    }
    return out;
}

Result<QueryString> QueryString::parse(std::string_view text) {
    QueryString query;
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), pair.size() + 1));
        if (pair.empty()) continue;
        if (query.pairs_.size() == pairs_max) {
            return Error{ErrorCode::invalid_argument, "cannot read query: too many parameters"};
        }
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto key = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
        if (!key || !value) return bad_encoding();
        query.pairs_.emplace_back(std::move(*key), std::move(*value));
    }
    return query;
}

std::optional<std::string> QueryString::take(std::string_view key) {
    const auto found = std::find_if(pairs_.begin(), pairs_.end(),
                                    [&](const auto& pair) { return pair.first == key; });
    if (found == pairs_.end()) return std::nullopt;
    std::string value = std::move(found->second);
    pairs_.erase(found);
    return value;
}

Result<bool> QueryString::take_flag(std::string_view key) {
    const auto value = take(key);
    if (!value) return false;
    if (value->empty() || *value == "true" || *value == "1" || *value == "yes") return true;
    if (*value == "false" || *value == "0" || *value == "no") return false;
    return Error{ErrorCode::invalid_argument, "cannot read query parameter '" + std::string(key) +
                                                  "': '" + *value + "' is not true or false"};
}

Result<void> QueryString::expect_empty() const {
    if (pairs_.empty()) return {};
    std::string names;
    for (const auto& [key, value] : pairs_) {
        if (!names.empty()) names += ", ";
        names += "'" + key + "'";
    }
    return Error{ErrorCode::invalid_argument,
                 "cannot read query: unknown or repeated parameter " + names};
}

}  // namespace syspulse::api
