// The commands' Connection over core/api's client.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "cli/connection.hpp"
#include "cli/context.hpp"

namespace syspulse::cli {

// To the manager of the data directory or socket that the options and the environment name.
// Connects at the first request.
Result<std::unique_ptr<Connection>> connect_to_manager(const GlobalOptions& globals);

// A function that returns when the manager's process has ended.
Result<std::function<void()>> watch_manager(const GlobalOptions& globals);

}  // namespace syspulse::cli
