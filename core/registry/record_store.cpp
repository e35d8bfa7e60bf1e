#include "registry/record_store.hpp"

#include <algorithm>

#include "registry/record_rows.hpp"
#include "registry/record_sql.hpp"

namespace syspulse::registry {

using model::HistoryEntry;
using model::StoredInstance;
using model::StoredRun;
using model::StoredSpec;

namespace {

// Runs `statement` to its end and collects what `read` makes of each row.
template <class T, class Read>
Result<std::vector<T>> collect(const Database& database, Statement& statement, Read read) {
    std::vector<T> found;
    while (true) {
        const auto step = statement.step();
        if (step.code != SQLITE_OK) return database.error(step.code);
        if (!step.row) return found;
        Result<T> item = read(statement);
        if (!item) return item.error();
        found.push_back(std::move(*item));
    }
}

// SQLite writes [^a-z] what our patterns write [!a-z].
std::string as_glob(std::string pattern) {
    for (std::size_t at = 0; (at = pattern.find("[!", at)) != std::string::npos; at += 2) {
        pattern[at + 1] = '^';
    }
    return pattern;
}

}  // namespace

Result<RecordStore> RecordStore::prepare(Database database) {
    static_assert(sql_texts.size() == sql_count && with_runs_sql + 1 == sql_count);
    RecordStore store(std::move(database));
    for (std::size_t i = 0; i < sql_count; ++i) {
        auto statement = store.database_.prepare(sql_texts[i]);
        if (!statement) return statement.error();
        store.statements_[i] = std::move(*statement);
    }
    return store;
}

Result<void> RecordStore::run(Statement& statement) {
    const StatementUse use(statement);
    const auto step = statement.step();
    if (step.code != SQLITE_OK) return database_.error(step.code);
    return {};
}

Result<void> RecordStore::begin() {
    return run(statement(begin_sql));
}
Result<void> RecordStore::commit() {
    return run(statement(commit_sql));
}

Result<void> RecordStore::add_spec(const StoredSpec& spec) {
    auto& sql = statement(add_spec_sql);
    bind_spec(sql, spec);
    auto added = run(sql);
    if (!added) return added.error().with("cannot add daemon " + spec.name);
    return added;
}

Result<void> RecordStore::replace_spec(const StoredSpec& spec) {
    auto& sql = statement(replace_spec_sql);
    bind_spec(sql, spec);
    auto replaced = run(sql);
    if (!replaced) return replaced.error().with("cannot replace daemon " + spec.name);
    if (database_.changes() == 0) {
        return Error{ErrorCode::not_found,
                     "cannot replace daemon " + spec.name + ": it is not there"};
    }
    return {};
}

Result<void> RecordStore::remove_spec(const std::string& uuid) {
    auto& runs = statement(remove_runs_sql);
    runs.bind(0, uuid);
    if (auto removed = run(runs); !removed) return removed;
    auto& sql = statement(remove_spec_sql);
    sql.bind(0, uuid);
    if (auto removed = run(sql); !removed) return removed;
    if (database_.changes() == 0) {
        return Error{ErrorCode::not_found, "cannot remove daemon " + uuid + ": it is not there"};
    }
    return {};
}

Result<void> RecordStore::put(Sql update, Sql insert, const std::function<void(Statement&)>& bind) {
    bind(statement(update));
    auto updated = run(statement(update));
    if (!updated || database_.changes() > 0) return updated;
    bind(statement(insert));
    return run(statement(insert));
}

Result<void> RecordStore::put_instance(const StoredInstance& instance) {
    auto put_it = put(update_instance_sql, insert_instance_sql,
                      [&instance](Statement& sql) { bind_instance(sql, instance); });
    if (put_it) return put_it;
    return put_it.error().with("cannot record the state of daemon " + instance.uuid);
}

Result<void> RecordStore::put_run(const StoredRun& stored) {
    // As a run is recorded first, it is not there yet.
    const bool begins = stored.pid == 0 && !stored.ended_at;
    if (begins) {
        auto& sql = statement(insert_run_sql);
        bind_run(sql, stored);
        auto inserted = run(sql);
        if (inserted || inserted.error().code != ErrorCode::already_exists) return inserted;
    }
    return put(update_run_sql, insert_run_sql,
               [&stored](Statement& sql) { bind_run(sql, stored); });
}

Result<void> RecordStore::add_history(const HistoryEntry& entry) {
    auto& sql = statement(add_history_sql);
    bind_history(sql, entry);
    return run(sql);
}

Result<void> RecordStore::raise_last_run(RunId last) {
    auto& sql = statement(raise_last_run_sql);
    sql.bind(0, to_sql(last));
    return run(sql);
}

Result<std::int64_t> RecordStore::number(Sql which) {
    auto& sql = statement(which);
    const StatementUse use(sql);
    const auto step = sql.step();
    if (step.code != SQLITE_OK) return database_.error(step.code);
    if (!step.row) return Error{ErrorCode::corrupt, "a value is missing"};
    return sql.integer(0);
}

Result<RunId> RecordStore::last_run() {
    const auto value = number(last_run_sql);
    if (!value) return value.error();
    return RunId{static_cast<std::uint64_t>(*value)};
}

Result<std::int64_t> RecordStore::last_history_id() {
    return number(last_history_sql);
}

Result<void> RecordStore::set_daemons_left(bool left) {
    auto& sql = statement(set_left_sql);
    sql.bind(0, std::int64_t{left});
    return run(sql);
}

Result<bool> RecordStore::daemons_left() {
    const auto value = number(left_sql);
    return value ? Result<bool>(*value != 0) : value.error();
}

Result<std::vector<StoredSpec>> RecordStore::specs() {
    auto& sql = statement(specs_sql);
    const StatementUse use(sql);
    return collect<StoredSpec>(database_, sql, [](const Statement& row) {
        return StoredSpec{row.text(0), row.text(1), row.text(2), time_at(row, 3)};
    });
}

Result<std::vector<StoredInstance>> RecordStore::instances() {
    auto& sql = statement(instances_sql);
    const StatementUse use(sql);
    return collect<StoredInstance>(database_, sql, instance_at);
}

Result<std::optional<std::int64_t>> RecordStore::id_before(WallTime since) {
    auto& sql = statement(first_since_sql);
    const StatementUse use(sql);
    sql.bind(0, to_unix_ms(since));
    const auto step = sql.step();
    if (step.code != SQLITE_OK) return database_.error(step.code);
    if (!step.row || sql.is_null(0)) return std::optional<std::int64_t>{};
    return std::optional<std::int64_t>{sql.integer(0) - 1};
}

Result<std::vector<HistoryEntry>> RecordStore::history(const model::HistoryQuery& query) {
    std::int64_t after = query.after_id;
    if (query.since.has_value()) {
        // Bounds the search by id, because lines before `since` would otherwise be read one by one.
        const auto before = id_before(*query.since);
        if (!before) return before.error();
        if (!before->has_value()) return std::vector<HistoryEntry>{};
        after = std::max(after, **before);
    }
    const bool is_pattern = query.daemon.find_first_of("*?[") != std::string::npos;
    // The statement reads it until its last step.
    const std::string daemon = is_pattern ? as_glob(query.daemon) : query.daemon;
    auto& sql = statement(query.daemon.empty() ? history_sql
                          : is_pattern         ? history_like_sql
                                               : history_of_sql);
    const StatementUse use(sql);
    sql.bind(0, after);
    sql.bind(1, to_unix_ms(query.since.value_or(WallTime::min())));
    sql.bind(2, to_sql(query.limit));
    if (!daemon.empty()) sql.bind(3, daemon);
    sql.bind(4, query.before_id);
    auto found = collect<HistoryEntry>(database_, sql, entry_at);
    if (found) std::reverse(found->begin(), found->end());
    return found;
}

Result<std::vector<StoredRun>> RecordStore::runs(const std::string& uuid, std::size_t limit) {
    auto& sql = statement(runs_sql);
    const StatementUse use(sql);
    sql.bind(0, uuid);
    sql.bind(1, to_sql(limit));
    return collect<StoredRun>(database_, sql, run_row);
}

Result<void> RecordStore::prune_history_to(std::int64_t first_kept_id, std::size_t step) {
    auto& sql = statement(prune_to_sql);
    sql.bind(0, first_kept_id);
    sql.bind(1, to_sql(step));
    return run(sql);
}

Result<void> RecordStore::prune_history_before(WallTime cutoff, std::int64_t newest_id,
                                               std::size_t step) {
    auto& sql = statement(prune_before_sql);
    sql.bind(0, to_unix_ms(cutoff));
    sql.bind(1, newest_id);
    sql.bind(2, to_sql(step));
    return run(sql);
}

Result<void> RecordStore::prune_runs(const std::string& uuid, std::size_t kept, std::size_t step) {
    auto& sql = statement(prune_runs_sql);
    sql.bind(0, uuid);
    sql.bind(1, to_sql(step));
    sql.bind(2, to_sql(kept));
    return run(sql);
}

Result<std::vector<std::string>> RecordStore::with_runs(const std::string& after,
                                                        std::size_t limit) {
    auto& sql = statement(with_runs_sql);
    const StatementUse use(sql);
    sql.bind(0, after);
    sql.bind(1, to_sql(limit));
    return collect<std::string>(
        database_, sql, [](const Statement& row) { return Result<std::string>(row.text(0)); });
}

}  // namespace syspulse::registry
