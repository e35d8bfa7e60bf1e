// Validation against a compiled schema.
#include "config/json_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "config/field_reader.hpp"
#include "config/json_schema_node.hpp"
#include "config/readers.hpp"
#include "config/suggest.hpp"

namespace syspulse::config {
namespace {

using Node = JsonSchema::Node;
constexpr std::string_view hidden = "***";

bool is_numeric(const Value& value) {
    return value.kind == Value::Kind::integer || value.kind == Value::Kind::number;
}

std::string trimmed(double number) {
    std::array<char, 64> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return error == std::errc{} ? std::string(buffer.data(), end) : std::string("?");
}

// An unquoted scalar becomes what the schema asks for: `1.10` is a text where a text is wanted.
void coerce(Value& value, Node::Type type) {
    if (type == Node::Type::number && value.kind == Value::Kind::integer) return;
    if (!value.plain) return;
    if (type == Node::Type::string && value.is_scalar() && value.kind != Value::Kind::null) {
        value.kind = Value::Kind::string;
    } else if (type == Node::Type::boolean) {
        if (const auto flag = parse_flag(value)) {
            value.kind = Value::Kind::boolean;
            value.boolean = *flag;
        }
    }
}

bool has_type(const Value& value, Node::Type type) {
    switch (type) {
        case Node::Type::any:
            return true;
        case Node::Type::object:
            return value.kind == Value::Kind::map;
        case Node::Type::array:
            return value.kind == Value::Kind::list;
        case Node::Type::string:
            return value.kind == Value::Kind::string;
        case Node::Type::integer:
            return value.kind == Value::Kind::integer;
        case Node::Type::number:
            return is_numeric(value);
        case Node::Type::boolean:
            return value.kind == Value::Kind::boolean;
    }
    return false;
}

std::string_view expected_text(Node::Type type) {
    switch (type) {
        case Node::Type::any:
            return "anything";
        case Node::Type::object:
            return "a map";
        case Node::Type::array:
            return "a list";
        case Node::Type::string:
            return "a text";
        case Node::Type::integer:
            return "a whole number";
        case Node::Type::number:
            return "a number";
        case Node::Type::boolean:
            return "true or false";
    }
    return "anything";
}

bool same(const Value& a, const Value& b) {
    if (is_numeric(a) && is_numeric(b)) return a.number == b.number;
    return a.kind == b.kind && to_json_text(a) == to_json_text(b);
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    constexpr unsigned port_max = 65535;
    return error == std::errc{} && end == text.data() + text.size() && port >= 1 &&
           port <= port_max;
}

bool is_env_name(std::string_view text) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && letter(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_uri(std::string_view text) {
    const std::size_t colon = text.find(':');
    return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
           text.find_first_of(" \t\r\n") == std::string_view::npos;
}

bool has_format(const Value& value, Node::Format format) {
    if (!value.is_scalar()) return false;
    const std::string& text = value.text;
    switch (format) {
        case Node::Format::none:
            return true;
        case Node::Format::duration:
            return parse_duration(text).has_value();
        case Node::Format::bytes:
            return parse_bytes(text).has_value();
        case Node::Format::host:
            return !text.empty() && text.find_first_of(" \t\r\n/") == std::string::npos;
        case Node::Format::port:
            return is_port(text);
        case Node::Format::uri:
            return is_uri(text);
        case Node::Format::path:
            return !text.empty() && text.find('\0') == std::string::npos;
        case Node::Format::env_name:
            return is_env_name(text);
    }
    return false;
}

void fail(Issues& issues, const Value& value, const std::string& label, const std::string& what) {
    issues.push_back({value.where, label + " must " + what});
}

void check_text(const Node& node, const Value& value, const std::string& label, Issues& issues) {
    const auto length = static_cast<std::int64_t>(value.text.size());
    if (value.text.size() > option_text_max) {
        fail(issues, value, label, "not be longer than 64 KiB");
    } else if (node.min_length && length < *node.min_length) {
        fail(issues, value, label,
             length == 0 ? "not be empty"
                         : "have at least " + std::to_string(*node.min_length) + " bytes");
    } else if (node.max_length && length > *node.max_length) {
        fail(issues, value, label, "have at most " + std::to_string(*node.max_length) + " bytes");
    } else if (node.pattern) {
        const bool matches =
            value.text.size() <= pattern_text_max && std::regex_match(value.text, *node.pattern);
        if (!matches) fail(issues, value, label, "match the pattern " + node.pattern_text);
    }
}

void check_number(const Node& node, const Value& value, const std::string& label, Issues& issues) {
    const std::string found = node.secret ? "" : ", found " + describe(value);
    if (node.minimum && value.number < *node.minimum) {
        fail(issues, value, label, "be at least " + trimmed(*node.minimum) + found);
    } else if (node.maximum && value.number > *node.maximum) {
        fail(issues, value, label, "be at most " + trimmed(*node.maximum) + found);
    }
}

void check_list(const Node& node, Value& value, const std::string& label, Issues& issues,
                Defaults defaults) {
    const auto count = static_cast<std::int64_t>(value.items.size());
    if (node.min_items && count < *node.min_items) {
        fail(issues, value, label, "have at least " + std::to_string(*node.min_items) + " items");
    } else if (node.max_items && count > *node.max_items) {
        fail(issues, value, label, "have at most " + std::to_string(*node.max_items) + " items");
    }
    if (!node.items) return;
    for (Value& item : value.items)
        node.items->apply(item, "every item of " + label, issues, defaults);
}

void fill_in(const Node& node, Value& value) {
    for (const auto& [name, schema] : node.properties) {
        if (!schema->fallback || value.find(name) != nullptr) continue;
        Member member{name, value.where, *schema->fallback};
        member.value.where = value.where;
        value.members.push_back(std::move(member));
    }
}

void check_map(const Node& node, Value& value, const std::string& label, Issues& issues,
               Defaults defaults) {
    std::vector<std::string_view> names;
    for (const auto& [name, schema] : node.properties) names.push_back(name);
    for (Member& member : value.members) {
        if (const Node* schema = node.member(member.key)) {
            schema->apply(member.value, "\"" + member.key + "\"", issues, defaults);
        } else {
            issues.push_back({member.key_where, "unknown option \"" + member.key + "\"" +
                                                    suggestion(member.key, names, "allowed here")});
        }
    }
    if (defaults == Defaults::filled_in) fill_in(node, value);
    for (const std::string& name : node.required) {
        const Node* const schema = node.member(name);
        const bool has_default = schema != nullptr && schema->fallback;
        if (value.find(name) != nullptr || has_default) continue;
        issues.push_back({value.where, label + " needs the option \"" + name + "\""});
    }
}

void check_allowed(const Node& node, const Value& value, const std::string& label, Issues& issues) {
    if (node.allowed.empty()) return;
    std::string list;
    for (const Value& allowed : node.allowed) {
        if (same(allowed, value)) return;
        list += (list.empty() ? "" : ", ") +
                (allowed.is_scalar() ? allowed.text : to_json_text(allowed));
    }
    fail(issues, value, label,
         "be one of " + list + (node.secret ? "" : ", found " + describe(value)));
}

}  // namespace

const Node* Node::member(std::string_view key) const noexcept {
    for (const auto& [name, schema] : properties) {
        if (name == key) return schema.get();
    }
    return additional.get();
}

void Node::apply(Value& value, const std::string& label, Issues& issues, Defaults defaults) const {
    if (secret && value.text == hidden) {
        return fail(issues, value, label,
                    "be the secret itself: \"***\" is only how a secret is shown");
    }
    coerce(value, type);
    if (!has_type(value, type)) {
        const std::string found = secret ? "" : ", found " + describe(value);
        fail(issues, value, label, "be " + std::string(expected_text(type)) + found);
        return;
    }
    check_allowed(*this, value, label, issues);
    if (format != Format::none && !has_format(value, format)) {
        const std::string found = secret ? "" : ", found " + describe(value);
        fail(issues, value, label,
             "be of the format \"" + std::string(config::describe(format)) + "\"" + found);
        return;
    }
    if (value.kind == Value::Kind::string) check_text(*this, value, label, issues);
    if (is_numeric(value)) check_number(*this, value, label, issues);
    if (value.kind == Value::Kind::list) check_list(*this, value, label, issues, defaults);
    if (value.kind == Value::Kind::map && type != Type::any) {
        check_map(*this, value, label, issues, defaults);
    }
}

void Node::redact(Value& value) const {
    if (secret) {
        Value replacement;
        replacement.kind = Value::Kind::string;
        replacement.text = hidden;
        replacement.where = value.where;
        value = std::move(replacement);
        return;
    }
    if (items) {
        for (Value& item : value.items) items->redact(item);
    }
    for (Member& entry : value.members) {
        if (const Node* schema = member(entry.key)) schema->redact(entry.value);
    }
}

void JsonSchema::apply(Value& value, Issues& issues, Defaults defaults) const {
    if (value.kind == Value::Kind::null) value.kind = Value::Kind::map;
    root_->apply(value, "\"with\"", issues, defaults);
}

void JsonSchema::redact(Value& value) const {
    root_->redact(value);
}

namespace {

Result<std::string> complete(const JsonSchema& schema, std::string_view options_json) {
    Issues issues;
    auto options = read_json(options_json, issues);
    if (options) schema.apply(*options, issues);
    if (options && issues.empty()) return to_json_text(*options);
    std::string message = "invalid options";
    for (const Issue& issue : issues) {
        message += (&issue == &issues.front() ? ": " : "; ");
        if (!issue.where.pointer.empty()) message += issue.where.pointer + ": ";
        message += issue.message;
    }
    return Error{ErrorCode::invalid_argument, std::move(message)};
}

// Most daemons give their plugins no options.
constexpr std::string_view no_options = "{}";

struct KnownSchema {
    std::optional<JsonSchema> schema;
    Result<std::string> defaults;  // What no options become.
};

class OptionsCompleter {
  public:
    Result<std::string> complete(std::string_view schema_json, std::string_view options_json) {
        const KnownSchema& known = look_up(schema_json);
        if (options_json.empty() || options_json == no_options) return known.defaults;
        if (!known.schema) return std::string(options_json);
        return config::complete(*known.schema, options_json);
    }

  private:
    // More than there are kinds of plugins; each reload of one may bring another.
    static constexpr std::size_t schemas_max = 64;

    const KnownSchema& look_up(std::string_view schema_json) {
        if (const auto found = known_.find(schema_json); found != known_.end())
            return found->second;
        if (known_.size() >= schemas_max) known_.clear();
        KnownSchema made{std::nullopt, std::string(no_options)};
        if (auto schema = JsonSchema::parse(schema_json)) {
            made.defaults = config::complete(*schema, no_options);
            made.schema = *std::move(schema);
        }
        return known_.emplace(schema_json, std::move(made)).first->second;
    }

    std::map<std::string, KnownSchema, std::less<>> known_;
};

}  // namespace

Result<std::string> complete_options(std::string_view schema_json, std::string_view options_json) {
    const auto schema = JsonSchema::parse(schema_json);
    if (!schema) return schema.error();
    return complete(*schema, options_json);
}

std::function<Result<std::string>(std::string_view, std::string_view)> options_completer() {
    return [completer = std::make_shared<OptionsCompleter>()](std::string_view schema_json,
                                                              std::string_view options_json) {
        return completer->complete(schema_json, options_json);
    };
}

std::string redact_options(std::string_view schema_json, std::string_view options_json) {
    const auto schema = JsonSchema::parse(schema_json);
    Issues issues;
    auto options = read_json(options_json, issues);
    if (!schema || !options || !issues.empty()) return "{}";
    schema->redact(*options);
    return to_json_text(*options);
}

}  // namespace syspulse::config
