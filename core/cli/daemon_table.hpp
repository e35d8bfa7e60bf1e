// Daemons as people see them: the rows of status and list.
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/json_text.hpp"

namespace syspulse::cli {

// NAME STATE HEALTH PID UPTIME RESTARTS INFO. `now` turns the moments ahead into lengths of time.
void print_status_table(const Context& context, const std::vector<DaemonInfo>& daemons);

// NAME STATE HEALTH PID DRIVER TAGS DESCRIPTION.
void print_list_table(const Context& context, const std::vector<DaemonInfo>& daemons);

void print_names(const Context& context, const std::vector<DaemonInfo>& daemons);

// What matters about a daemon now, in a few words: why it failed, when it runs next.
std::string remark(const DaemonInfo& daemon, WallTime now);

}  // namespace syspulse::cli
