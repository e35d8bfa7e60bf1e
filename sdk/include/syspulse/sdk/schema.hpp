// Builds the JSON Schema text in which a kind declares its options, in the subset that hosts
// accept.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "error.hpp"

namespace syspulse::sdk {

namespace detail {

inline std::string json_quote(std::string_view text) {
    static constexpr std::string_view hex = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (byte < 0x20) {
            result += "\\u00";
            result += hex[byte >> 4];
            result += hex[byte & 15];
        } else {
            result += c;
        }
    }
    return result + '"';
}

}  // namespace detail

// One option. Without `by_default` and `optional` the operator must give it.
class Option {
  public:
    static Option string() { return Option{R"("type":"string")"}; }
    static Option integer() { return Option{R"("type":"integer")"}; }
    static Option number() { return Option{R"("type":"number")"}; }
    static Option boolean() { return Option{R"("type":"boolean")"}; }
    static Option list_of(const Option& item) {
        return Option{R"("type":"array","items":)" + item.json()};
    }
    static Option map_of(const Option& value) {
        return Option{R"("type":"object","additionalProperties":)" + value.json()};
    }

    Option& describe(std::string_view text) { return add("description", detail::json_quote(text)); }
    Option& by_default(std::string_view text) { return set_default(detail::json_quote(text)); }
    Option& by_default(const char* text) { return by_default(std::string_view{text}); }
    Option& by_default(std::int64_t value) { return set_default(std::to_string(value)); }
    Option& by_default(int value) { return by_default(std::int64_t{value}); }
    Option& by_default(bool value) { return set_default(value ? "true" : "false"); }
    Option& optional() {
        required_ = false;
        return *this;
    }
    Option& range(std::int64_t low, std::int64_t high) {
        return add("minimum", std::to_string(low)).add("maximum", std::to_string(high));
    }
    Option& length(std::size_t low, std::size_t high) {
        return add("minLength", std::to_string(low)).add("maxLength", std::to_string(high));
    }
    Option& items(std::size_t low, std::size_t high) {
        return add("minItems", std::to_string(low)).add("maxItems", std::to_string(high));
    }
    Option& pattern(std::string_view regex) { return add("pattern", detail::json_quote(regex)); }
    Option& format(std::string_view name) { return add("format", detail::json_quote(name)); }
    Option& one_of(std::initializer_list<std::string_view> values) {
        std::string list;
        for (const auto value : values)
            list += (list.empty() ? "" : ",") + detail::json_quote(value);
        return add("enum", '[' + list + ']');
    }
    Option& secret() { return add("x-syspulse-secret", "true"); }  // Never logged by the host.

    bool required() const { return required_; }
    std::string json() const { return '{' + body_ + '}'; }

  private:
    explicit Option(std::string body) : body_(std::move(body)) {}
    Option& add(std::string_view key, const std::string& json_value) {
        body_ += ',' + detail::json_quote(key) + ':' + json_value;
        return *this;
    }
    Option& set_default(const std::string& json_value) {
        required_ = false;
        return add("default", json_value);
    }

    std::string body_;
    bool required_ = true;
};

// Schema{}.add("port", Option::integer().range(1, 65535)); options that are not listed are errors.
class Schema {
  public:
    Schema& add(std::string_view name, const Option& option) {
        properties_ +=
            (properties_.empty() ? "" : ",") + detail::json_quote(name) + ':' + option.json();
        if (option.required())
            required_ += (required_.empty() ? "" : ",") + detail::json_quote(name);
        return *this;
    }
    // Short forms for the commonest options.
    Schema& string(std::string_view name) { return add(name, Option::string().length(1, 65536)); }
    Schema& string(std::string_view name, std::string_view fallback) {
        return add(name, Option::string().by_default(fallback));
    }
    Schema& integer(std::string_view name, std::int64_t low, std::int64_t high) {
        return add(name, Option::integer().range(low, high));
    }
    Schema& integer(std::string_view name, std::int64_t low, std::int64_t high,
                    std::int64_t fallback) {
        return add(name, Option::integer().range(low, high).by_default(fallback));
    }
    Schema& flag(std::string_view name, bool fallback) {
        return add(name, Option::boolean().by_default(fallback));
    }

    std::string json() const {
        std::string result = R"({"type":"object","additionalProperties":false,"properties":{)";
        result += properties_ + '}';
        if (!required_.empty()) result += R"(,"required":[)" + required_ + ']';
        return result + '}';
    }

  private:
    std::string properties_;
    std::string required_;
};

}  // namespace syspulse::sdk
