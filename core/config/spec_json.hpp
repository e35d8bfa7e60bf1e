// One spec as canonical JSON: what the registry stores and what GET /v1/daemons/{name}/spec shows.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/daemon_spec.hpp"

namespace syspulse::config {

// The spec's block without its name, with every default written out and a fixed key order, so that
// {"daemons": {NAME: <this>}} is a valid request. Compact. Equal specs give equal texts.
std::string to_json(const model::DaemonSpec& spec);

// The way back, for the registry: nothing is expanded, and plugins, users and dependencies that are
// missing today are tolerated. The error is `corrupt`.
Result<model::DaemonSpec> from_stored_json(std::string_view name, std::string_view json);

}  // namespace syspulse::config
