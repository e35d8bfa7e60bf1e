// A copy of the registry beside it, made while it was in order, to go on with when it is damaged.
#pragma once

#include <filesystem>
#include <string>

#include "registry/sqlite_handle.hpp"

namespace syspulse::registry {

// "<file>.backup"
std::filesystem::path backup_of(const std::filesystem::path& file);

// Writes what the database holds now, as one private file, in place of `copy`. Until that is
// complete the earlier one stays.
Result<void> copy_into(const Database& database, const std::filesystem::path& copy);

// Renews the backup of `file`, on which `database` is open, when there is none or when the registry
// was changed a day or more after it.
Result<void> renew_backup(const Database& database, const std::filesystem::path& file);

// Names the backup to who is told to put one in the place of `file`; empty if there is none.
std::string where_backup_is(const std::filesystem::path& file);

// SQLite creates files with the umask's mode; ours must be private before anything is in it.
void create_private(const std::filesystem::path& file);

}  // namespace syspulse::registry
