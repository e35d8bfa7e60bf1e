// Most stored specs hold nothing unusual, and a manager that starts reads thousands of them.
#pragma once

#include <optional>
#include <string_view>

#include "model/daemon_spec.hpp"

namespace syspulse::config {

// Reads what to_json() writes for a spec of which only command, texts in plain ASCII, whole numbers
// and names are given. Nothing for any other text, valid or not: that is for the general reader,
// which takes fifty times as long. Gives what that would give.
std::optional<model::DaemonSpec> read_plain_spec(std::string_view name, std::string_view json);

}  // namespace syspulse::config
