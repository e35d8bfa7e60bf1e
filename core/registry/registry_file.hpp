// Opening the registry's file: a look that changes nothing, then the layout brought up to date.
#pragma once

#include "registry/registry.hpp"
#include "registry/sqlite_handle.hpp"

namespace syspulse::registry {

// "SYSP": marks a SQLite file as ours.
constexpr std::int64_t application_id = 0x53595350;

// A connection to a file of the present layout, in WAL mode, with foreign keys on.
Result<Database> open_file(const std::filesystem::path& file, const RegistryOptions& options);

}  // namespace syspulse::registry
