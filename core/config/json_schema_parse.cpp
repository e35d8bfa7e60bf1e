// Verifies a schema's text and compiles it.
#include <algorithm>
#include <array>

#include "config/json_schema_node.hpp"
#include "config/readers.hpp"
#include "config/suggest.hpp"

namespace syspulse::config {
namespace {

using namespace std::string_view_literals;
using Node = JsonSchema::Node;

constexpr std::array keywords{
    "type"sv,        "properties"sv, "required"sv,          "additionalProperties"sv,
    "items"sv,       "minItems"sv,   "maxItems"sv,          "enum"sv,
    "minimum"sv,     "maximum"sv,    "minLength"sv,         "maxLength"sv,
    "pattern"sv,     "format"sv,     "default"sv,           "title"sv,
    "description"sv, "deprecated"sv, "x-syspulse-secret"sv, "x-syspulse-restart"sv};
constexpr std::array types{Node::Type::object,  Node::Type::array,  Node::Type::string,
                           Node::Type::integer, Node::Type::number, Node::Type::boolean};
constexpr std::array formats{Node::Format::duration, Node::Format::bytes, Node::Format::host,
                             Node::Format::port,     Node::Format::uri,   Node::Format::path,
                             Node::Format::env_name};

// libstdc++ then matches in time proportional to the text and without recursion, and refuses back
// references; elsewhere pattern_text_max is the only bound.
constexpr auto regex_flags = std::regex::ECMAScript
#ifdef __GLIBCXX__
                             | std::regex_constants::__polynomial
#endif
    ;

class Compiler {
  public:
    explicit Compiler(Issues& issues) : issues_(issues) {}

    std::unique_ptr<Node> compile(const Value& schema, std::size_t depth) {
        auto node = std::make_unique<Node>();
        if (schema.kind != Value::Kind::map) {
            fail(schema, "a schema must be an object, found " + describe(schema));
            return node;
        }
        if (depth > schema_depth_max) {
            fail(schema, "nested more than " + std::to_string(schema_depth_max) + " levels deep");
            return node;
        }
        for (const Member& member : schema.members) read(*node, member, depth);
        check_default(*node, schema);
        check_required(*node, schema);
        return node;
    }

  private:
    void read(Node& node, const Member& member, std::size_t depth) {
        const std::string& key = member.key;
        const Value& value = member.value;
        if (std::find(keywords.begin(), keywords.end(), key) == keywords.end()) {
            issues_.push_back({member.key_where, "unknown keyword \"" + key + "\"" +
                                                     suggestion(key, keywords, "allowed")});
        } else if (key == "type") {
            read_type(node, value);
        } else if (key == "properties") {
            read_properties(node, value, depth);
        } else if (key == "required") {
            read_required(node, value);
        } else if (key == "additionalProperties") {
            const bool closed = value.kind == Value::Kind::boolean && !value.boolean;
            if (!closed) node.additional = compile(value, depth + 1);
        } else if (key == "items") {
            node.items = compile(value, depth + 1);
        } else if (key == "enum") {
            if (value.kind != Value::Kind::list || value.items.empty()) {
                fail(value, "\"enum\" must be a list of at least one value");
            }
            node.allowed = value.items;
        } else if (key == "pattern") {
            read_pattern(node, value);
        } else if (key == "format") {
            read_format(node, value);
        } else if (key == "default") {
            node.fallback = value;
        } else if (!read_number(node, key, value)) {
            read_annotation(node, key, value);
        }
    }

    bool read_number(Node& node, const std::string& key, const Value& value) {
        const std::array<std::pair<std::string_view, std::optional<double>*>, 2> bounds{
            {{"minimum", &node.minimum}, {"maximum", &node.maximum}}};
        for (const auto& [name, target] : bounds) {
            if (key != name) continue;
            const bool numeric =
                value.kind == Value::Kind::integer || value.kind == Value::Kind::number;
            if (!numeric) fail(value, "\"" + key + "\" must be a number");
            if (numeric) *target = value.number;
            return true;
        }
        const std::array<std::pair<std::string_view, std::optional<std::int64_t>*>, 4> counts{
            {{"minItems", &node.min_items},
             {"maxItems", &node.max_items},
             {"minLength", &node.min_length},
             {"maxLength", &node.max_length}}};
        for (const auto& [name, target] : counts) {
            if (key != name) continue;
            const bool count = value.kind == Value::Kind::integer && value.integer >= 0;
            if (!count) fail(value, "\"" + key + "\" must be a whole number from 0");
            if (count) *target = value.integer;
            return true;
        }
        return false;
    }

    void read_annotation(Node& node, const std::string& key, const Value& value) {
        if (key == "title" || key == "description") {
            if (value.kind != Value::Kind::string) fail(value, "\"" + key + "\" must be a text");
        } else if (key == "x-syspulse-restart") {
            const bool known =
                value.kind == Value::Kind::string &&
                (value.text == "none" || value.text == "instance" || value.text == "process");
            if (!known) fail(value, "\"" + key + "\" must be one of none, instance, process");
        } else if (value.kind != Value::Kind::boolean) {
            fail(value, "\"" + key + "\" must be true or false");
        } else if (key == "x-syspulse-secret") {
            node.secret = value.boolean;
        }
    }

    void read_type(Node& node, const Value& value) {
        for (const Node::Type type : types) {
            if (value.kind == Value::Kind::string && value.text == describe(type)) {
                node.type = type;
                return;
            }
        }
        fail(value, "\"type\" must be one of object, array, string, integer, number, boolean");
    }

    void read_format(Node& node, const Value& value) {
        for (const Node::Format format : formats) {
            if (value.kind == Value::Kind::string && value.text == describe(format)) {
                node.format = format;
                return;
            }
        }
        fail(value, "\"format\" must be one of duration, bytes, host, port, uri, path, env-name");
    }

    void read_properties(Node& node, const Value& value, std::size_t depth) {
        if (value.kind != Value::Kind::map) {
            fail(value, "\"properties\" must be an object");
            return;
        }
        for (const Member& member : value.members) {
            node.properties.emplace_back(member.key, compile(member.value, depth + 1));
        }
    }

    void read_required(Node& node, const Value& value) {
        if (value.kind != Value::Kind::list) fail(value, "\"required\" must be a list of names");
        for (const Value& item : value.items) {
            if (item.kind != Value::Kind::string) fail(item, "\"required\" must hold names");
            node.required.push_back(item.text);
        }
    }

    void read_pattern(Node& node, const Value& value) {
        if (value.kind != Value::Kind::string) {
            fail(value, "\"pattern\" must be a text");
            return;
        }
        const std::string& text = value.text;
        // The compiler of std::regex recurses on every bracket.
        constexpr std::size_t pattern_bytes_max = 1024;
        if (text.size() > pattern_bytes_max) {
            fail(value, "\"pattern\" must not be longer than 1024 bytes");
            return;
        }
        for (std::size_t at = text.find("(?"); at != std::string::npos;
             at = text.find("(?", at + 1)) {
            if (text.compare(at, 3, "(?:") == 0) continue;
            fail(value, "\"pattern\" must not use look-around");
            return;
        }
        try {
            node.pattern.emplace(text, regex_flags);
            node.pattern_text = text;
        } catch (const std::regex_error& error) {
            fail(value, std::string("\"pattern\" is no regular expression that can be used: ") +
                            error.what());
        }
    }

    // A default that the schema itself refuses would turn a good spec into a bad one.
    void check_default(const Node& node, const Value& schema) {
        if (!node.fallback) return;
        Value copy = *node.fallback;
        Issues found;
        node.apply(copy, "\"default\"", found);
        for (Issue& issue : found) issues_.push_back({schema.where, std::move(issue.message)});
    }

    void check_required(const Node& node, const Value& schema) {
        for (const std::string& name : node.required) {
            if (node.member(name) != nullptr) continue;
            fail(schema, "\"required\" names \"" + name + "\", which is no property");
        }
    }

    void fail(const Value& value, std::string message) {
        issues_.push_back({value.where, std::move(message)});
    }

    Issues& issues_;
};

}  // namespace

std::string_view describe(Node::Type type) noexcept {
    switch (type) {
        case Node::Type::any:
            return "any";
        case Node::Type::object:
            return "object";
        case Node::Type::array:
            return "array";
        case Node::Type::string:
            return "string";
        case Node::Type::integer:
            return "integer";
        case Node::Type::number:
            return "number";
        case Node::Type::boolean:
            return "boolean";
    }
    return "any";
}

std::string_view describe(Node::Format format) noexcept {
    switch (format) {
        case Node::Format::none:
            return "";
        case Node::Format::duration:
            return "duration";
        case Node::Format::bytes:
            return "bytes";
        case Node::Format::host:
            return "host";
        case Node::Format::port:
            return "port";
        case Node::Format::uri:
            return "uri";
        case Node::Format::path:
            return "path";
        case Node::Format::env_name:
            return "env-name";
    }
    return "";
}

Result<JsonSchema> JsonSchema::parse(std::string_view text) {
    if (text.empty()) text = R"({"type":"object"})";
    const auto error = [](const std::string& cause) {
        return Error{ErrorCode::invalid_argument, "invalid schema: " + cause};
    };
    if (text.size() > schema_bytes_max) return error("larger than 64 KiB");
    Issues issues;
    const auto schema = read_json(text, issues);
    std::shared_ptr<const Node> root;
    if (schema && issues.empty()) {
        auto node = Compiler(issues).compile(*schema, 1);
        if (node->type == Node::Type::any) node->type = Node::Type::object;
        if (node->type != Node::Type::object) issues.push_back({{}, "it must describe an object"});
        root = std::move(node);
    }
    if (root && issues.empty()) return JsonSchema(std::move(root));
    if (issues.empty()) return error("it is empty");
    const std::string& pointer = issues.front().where.pointer;
    return error(pointer.empty() ? issues.front().message
                                 : pointer + ": " + issues.front().message);
}

Result<void> check_schema(std::string_view schema_json) {
    const auto schema = JsonSchema::parse(schema_json);
    if (!schema) return schema.error();
    return {};
}

}  // namespace syspulse::config
