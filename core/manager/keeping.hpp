// How this process comes to run under a keeper, which differs between systems.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "manager/entry.hpp"

namespace syspulse::manager {

// Runs the manager under a keeper, which this process becomes. Where that is by exec, it returns
// only if it failed; elsewhere when the last manager has ended.
Outcome keep(const DaemonOptions& options);

// The name of the present program's file, also when another file has it by now.
std::string started_from();

// Whether the keeper would start such a file as a program, as far as its name and rights tell.
Result<void> is_program(const std::filesystem::path& file);

// Whether the keeper could start the present program again, if a new one turns out not to serve.
// `stamp` is that of its file when it started.
Result<void> has_way_back(std::uint64_t stamp);

// What a manager without a keeper is worse off by, to be told at its start; null where that is only
// that nobody restarts it.
const char* cost_of_no_keeper();

}  // namespace syspulse::manager
