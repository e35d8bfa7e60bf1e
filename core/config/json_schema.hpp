// The JSON Schema subset in which plugins declare their `with:` blocks: a closed set of keywords,
// checked when the plugin is loaded, and a validator that fills in defaults. Never follows
// references and never needs more time than the value is long.
//
// Keywords: type, properties, required, additionalProperties (false by default, or one schema),
// items, minItems, maxItems, enum, minimum, maximum, minLength, maxLength, pattern (anchored, no
// look-around and no back references), format (duration, bytes, host, port, uri, path, env-name),
// default, title, description, deprecated, x-syspulse-secret, x-syspulse-restart.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/value.hpp"

namespace syspulse::config {

// Whether what is not given gets the schema's default.
enum class Defaults : std::uint8_t { filled_in, left_out };

// An immutable, verified schema of an object. Cheap to copy. [any thread]
class JsonSchema {
  public:
    // Verifies the schema; the error names the keyword by its JSON pointer. An empty text allows
    // only the empty object.
    static Result<JsonSchema> parse(std::string_view text);

    // Checks `value`, turns unquoted scalars into what the schema asks for, and fills in defaults,
    // if they are wanted. What is wrong is appended to `issues`. A null value counts as an empty
    // map.
    void apply(Value& value, Issues& issues, Defaults defaults = Defaults::filled_in) const;

    // Replaces every value under a key marked x-syspulse-secret with "***".
    void redact(Value& value) const;

    struct Node;

  private:
    explicit JsonSchema(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
    std::shared_ptr<const Node> root_;  // Shared by copies; never changes.
};

// Verifies a plugin's schema when the plugin is loaded.
Result<void> check_schema(std::string_view schema_json);

// The options with the schema's defaults filled in, as canonical JSON; the error lists all that is
// wrong, each with its JSON pointer.
Result<std::string> complete_options(std::string_view schema_json, std::string_view options_json);

// The same for whoever asks again and again: keeps the schemas that it has read. A schema that
// cannot be read changes nothing; that is told when a plugin is loaded. Not to be shared by
// threads, nor are its copies.
std::function<Result<std::string>(std::string_view schema_json, std::string_view options_json)>
options_completer();

// The options with secrets replaced, for the API and for logs. Options or schemas that cannot be
// read give "{}": showing nothing is safer than showing a secret.
std::string redact_options(std::string_view schema_json, std::string_view options_json);

}  // namespace syspulse::config
