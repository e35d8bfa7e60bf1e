// What `plugin info NAME` says, in a person's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "cli/json_text.hpp"

namespace syspulse::cli {

// The kinds of a plugin with their options, from its object in GET /v1/plugins: lines of "name:
// value"; an empty name goes on with the value above.
std::vector<Field> describe_plugin(std::string_view plugin, WallTime now);

// "replaced once", "replaced 3 times"; of the process of a plugin.
std::string times_replaced(std::int64_t count);

}  // namespace syspulse::cli
