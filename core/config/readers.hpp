// YAML and JSON texts into Value trees. All that is wrong with the text goes to `issues`; nothing
// is returned when there is no tree to go on with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/value.hpp"

namespace syspulse::config {

// One document with anchors, aliases and merge keys expanded. Unquoted scalars are left as strings
// with `plain` set: expand_environment() gives them their kinds.
std::optional<Value> read_yaml(std::string_view text, Issues& issues);

// Whether values know where they stand, which is a third of the cost of reading.
enum class Places : std::uint8_t { known, unknown };

// Values are positioned by JSON pointer. Duplicate keys are an issue, as in YAML.
std::optional<Value> read_json(std::string_view text, Issues& issues,
                               Places places = Places::known);

using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view)>;

// Expands ${VAR}, ${VAR:-default} and $$ in every scalar and resolves the kinds of unquoted ones.
// Blocks at the top whose key begins with "x-" are left alone: nobody reads them.
void expand_environment(Value& root, const EnvironmentLookup& lookup, Issues& issues);

}  // namespace syspulse::config
