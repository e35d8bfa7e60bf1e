// The compiled form of a schema, shared by the parser and the validator of json_schema.hpp only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "config/json_schema.hpp"

namespace syspulse::config {

inline constexpr std::size_t schema_bytes_max = 64UL * 1024;
inline constexpr std::size_t schema_depth_max = 8;
inline constexpr std::size_t option_text_max = 64UL * 1024;
// Texts that a pattern is matched against; bounds the time of one match.
inline constexpr std::size_t pattern_text_max = 4096;

struct JsonSchema::Node {
    enum class Type : std::uint8_t { any, object, array, string, integer, number, boolean };
    enum class Format : std::uint8_t { none, duration, bytes, host, port, uri, path, env_name };

    Type type = Type::any;
    std::vector<std::pair<std::string, std::unique_ptr<Node>>>
        properties;  // In the schema's order.
    std::vector<std::string> required;
    std::unique_ptr<Node> additional;  // Null: no other keys.
    std::unique_ptr<Node> items;       // Null: anything.
    std::optional<std::int64_t> min_items;
    std::optional<std::int64_t> max_items;
    std::vector<Value> allowed;  // The enum; empty for none.
    std::optional<double> minimum;
    std::optional<double> maximum;
    std::optional<std::int64_t> min_length;
    std::optional<std::int64_t> max_length;
    std::optional<std::regex> pattern;
    std::string pattern_text;
    Format format = Format::none;
    std::optional<Value> fallback;  // The default.
    bool secret = false;

    // The schema of a member, or null when the key is not allowed.
    const Node* member(std::string_view key) const noexcept;
    void apply(Value& value, const std::string& label, Issues& issues,
               Defaults defaults = Defaults::filled_in) const;
    void redact(Value& value) const;
};

// The text of a type or format, for messages.
std::string_view describe(JsonSchema::Node::Type type) noexcept;
std::string_view describe(JsonSchema::Node::Format format) noexcept;

}  // namespace syspulse::config
