// Writes and reads the registry's rows, one function per kind. Transactions are the caller's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/journal.hpp"
#include "registry/sqlite_handle.hpp"

namespace syspulse::registry {

class RecordStore {
  public:
    static Result<RecordStore> prepare(Database database);

    const Database& database() const noexcept { return database_; }
    Result<void> begin();
    Result<void> commit();

    // Each adds its row or fails without an effect of its own.
    Result<void> add_spec(const model::StoredSpec& spec);
    Result<void> replace_spec(const model::StoredSpec& spec);
    Result<void> remove_spec(const std::string& uuid);
    Result<void> put_instance(const model::StoredInstance& instance);
    Result<void> put_run(const model::StoredRun& run);
    Result<void> add_history(const model::HistoryEntry& entry);
    Result<void> raise_last_run(RunId run);
    Result<void> set_daemons_left(bool left);

    Result<RunId> last_run();
    Result<std::int64_t> last_history_id();
    Result<bool> daemons_left();
    Result<std::vector<model::StoredSpec>> specs();
    // One per spec, in the same order; a spec without a row gets a fresh instance.
    Result<std::vector<model::StoredInstance>> instances();
    Result<std::vector<model::HistoryEntry>> history(const model::HistoryQuery& query);
    Result<std::vector<model::StoredRun>> runs(const std::string& uuid, std::size_t limit);

    // Each removes at most `step` of the oldest rows.
    Result<void> prune_history_to(std::int64_t first_kept_id, std::size_t step);
    Result<void> prune_history_before(WallTime cutoff, std::int64_t newest_id, std::size_t step);
    Result<void> prune_runs(const std::string& uuid, std::size_t kept, std::size_t step);
    // Daemons that have runs, by uuid: the first `limit` behind `after`.
    Result<std::vector<std::string>> with_runs(const std::string& after, std::size_t limit);

  private:
    enum Sql : std::size_t;
    static constexpr std::size_t sql_count = 27;

    explicit RecordStore(Database database) noexcept : database_(std::move(database)) {}
    Statement& statement(Sql sql) noexcept { return statements_[sql]; }
    Result<void> run(Statement& statement);
    // Changes the row, or adds it where there is none.
    Result<void> put(Sql update, Sql insert, const std::function<void(Statement&)>& bind);
    Result<std::int64_t> number(Sql sql);
    // The id just below the first line at or after `since`; nothing when there is none.
    Result<std::optional<std::int64_t>> id_before(WallTime since);

    Database database_;  // Outlives the statements, which are destroyed first.
    std::array<Statement, sql_count> statements_;
};

}  // namespace syspulse::registry
