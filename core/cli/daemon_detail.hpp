// What `status NAME` says about one daemon, in a person's words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "cli/json_text.hpp"

namespace syspulse::cli {

// What the API gives; what is empty or cannot be read is left out.
struct DaemonTexts {
    std::string_view daemon;  // GET /v1/daemons/{name}
    std::string_view spec;    // GET /v1/daemons/{name}/spec
    std::string_view events;  // GET /v1/events?daemon={name}
    std::string_view logs;    // GET /v1/daemons/{name}/logs
};

// Lines of "name: value"; an empty name goes on with the value above. `now` turns moments into
// ages.
std::vector<Field> describe_daemon(const DaemonTexts& texts, WallTime now);

}  // namespace syspulse::cli
