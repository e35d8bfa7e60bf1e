// What the registry's rows and the records of the model are to each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/journal.hpp"
#include "registry/sqlite_handle.hpp"

namespace syspulse::registry {

std::int64_t to_sql(std::size_t count);
std::int64_t to_sql(RunId run);
WallTime time_at(const Statement& row, int column);

// Each binds all parameters of its statements.
void bind_spec(Statement& statement, const model::StoredSpec& spec);
void bind_instance(Statement& statement, const model::StoredInstance& instance);
void bind_run(Statement& statement, const model::StoredRun& run);
void bind_history(Statement& statement, const model::HistoryEntry& entry);

Result<model::StoredInstance> instance_at(const Statement& row);
model::HistoryEntry entry_at(const Statement& row);
model::StoredRun run_row(const Statement& row);

}  // namespace syspulse::registry
