#include "registry/record_store.hpp"

#include <algorithm>
#include <limits>

#include "registry/record_sql.hpp"

namespace syspulse::registry {

using model::HistoryEntry;
using model::StoredInstance;
using model::StoredRun;
using model::StoredSpec;

namespace {

std::int64_t to_sql(std::size_t count) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(std::min<std::uint64_t>(count, most));
}

std::int64_t to_sql(RunId run) {
    return static_cast<std::int64_t>(run.value);
}

RunId run_at(const Statement& row, int column) {
    return {static_cast<std::uint64_t>(row.integer(column))};
}

std::uint32_t count_at(const Statement& row, int column) {
    return static_cast<std::uint32_t>(row.integer(column));
}

WallTime time_at(const Statement& row, int column) {
    return from_unix_ms(row.integer(column));
}

std::optional<WallTime> optional_time_at(const Statement& row, int column) {
    return row.is_null(column) ? std::nullopt : std::optional(time_at(row, column));
}

void bind_time(Statement& statement, int index, const std::optional<WallTime>& time) {
    if (!time) return statement.bind_null(index);
    statement.bind(index, to_unix_ms(*time));
}

std::string_view word(ExitStatus::Kind kind) {
    constexpr std::array<std::string_view, 3> words{"code", "signal", "lost"};  // In its order.
    return words[static_cast<std::size_t>(kind)];
}

// Four columns from `index` on; left unbound, which is NULL, without an exit.
void bind_exit(Statement& statement, int index, const std::optional<ExitStatus>& exit) {
    if (!exit.has_value()) return;
    statement.bind(index, word(exit->kind));
    statement.bind(index + 1, std::int64_t{exit->value});
    statement.bind(index + 2, std::int64_t{exit->oom_killed});
    statement.bind(index + 3, static_cast<std::int64_t>(exit->memory_peak_bytes));
}

std::optional<ExitStatus> exit_at(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    ExitStatus exit;
    const std::string kind = row.text(column);
    if (kind == "code") exit.kind = ExitStatus::Kind::code;
    if (kind == "signal") exit.kind = ExitStatus::Kind::signal;
    exit.value = static_cast<std::int32_t>(row.integer(column + 1));
    exit.oom_killed = row.integer(column + 2) != 0;
    exit.memory_peak_bytes = static_cast<std::uint64_t>(row.integer(column + 3));
    return exit;
}

void bind_spec(Statement& statement, const StoredSpec& spec) {
    statement.bind(0, spec.uuid);
    statement.bind(1, spec.name);
    statement.bind(2, spec.spec_json);
    statement.bind(3, to_unix_ms(spec.added_at));
}

Result<StoredInstance> instance_at(const Statement& row) {
    StoredInstance instance;
    instance.uuid = row.text(0);
    if (row.is_null(1)) return instance;
    const auto target = model::parse_target(row.text(1));
    const auto state = model::parse_state(row.text(2));
    const auto health = model::parse_health(row.text(3));
    if (!target || !state || !health)
        return Error{ErrorCode::corrupt,
                     "the state of daemon " + instance.uuid + " is not a known word"};
    instance.target = *target;
    instance.state = *state;
    instance.health = *health;
    instance.run = run_at(row, 4);
    instance.run_live = row.integer(5) != 0;
    instance.pid = row.integer(6);
    instance.token = row.text(7);
    instance.started_at = optional_time_at(row, 8);
    instance.stopped_at = optional_time_at(row, 9);
    instance.last_exit = exit_at(row, 10);
    instance.restart_count = count_at(row, 14);
    instance.attempt = count_at(row, 15);
    instance.armed_at = optional_time_at(row, 16);
    instance.last_fired_at = optional_time_at(row, 17);
    instance.last_error = row.text(18);
    instance.completed = row.integer(19) != 0;
    instance.boot = row.text(20);
    instance.next_restart_at = optional_time_at(row, 21);
    instance.kill_at = optional_time_at(row, 22);
    instance.driver = row.text(23);
    instance.driver_options = row.text(24);
    instance.queued_run = row.integer(25) != 0;
    instance.spec_changed = row.integer(26) != 0;
    return instance;
}

HistoryEntry entry_at(const Statement& row) {
    HistoryEntry entry;
    entry.id = row.integer(0);
    entry.at = time_at(row, 1);
    entry.daemon = row.text(2);
    entry.uuid = row.text(3);
    entry.kind = row.text(4);
    entry.from = row.text(5);
    entry.to = row.text(6);
    entry.reason = row.text(7);
    entry.run = run_at(row, 8);
    entry.pid = row.integer(9);
    entry.exit = exit_at(row, 10);
    return entry;
}

StoredRun run_row(const Statement& row) {
    StoredRun run;
    run.run = run_at(row, 0);
    run.uuid = row.text(1);
    run.began_at = time_at(row, 2);
    run.pid = row.integer(3);
    run.ended_at = optional_time_at(row, 4);
    run.exit = exit_at(row, 5);
    return run;
}

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
    static_assert(sql_texts.size() == sql_count && prune_runs_sql + 1 == sql_count);
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

Result<void> RecordStore::put_instance(const StoredInstance& instance) {
    auto& sql = statement(put_instance_sql);
    sql.bind(0, instance.uuid);
    sql.bind(1, to_string(instance.target));
    sql.bind(2, to_string(instance.state));
    sql.bind(3, to_string(instance.health));
    sql.bind(4, to_sql(instance.run));
    sql.bind(5, std::int64_t{instance.run_live});
    sql.bind(6, instance.pid);
    sql.bind(7, instance.token);
    bind_time(sql, 8, instance.started_at);
    bind_time(sql, 9, instance.stopped_at);
    bind_exit(sql, 10, instance.last_exit);
    sql.bind(14, std::int64_t{instance.restart_count});
    sql.bind(15, std::int64_t{instance.attempt});
    bind_time(sql, 16, instance.armed_at);
    bind_time(sql, 17, instance.last_fired_at);
    sql.bind(18, instance.last_error);
    sql.bind(19, std::int64_t{instance.completed});
    sql.bind(20, instance.boot);
    bind_time(sql, 21, instance.next_restart_at);
    bind_time(sql, 22, instance.kill_at);
    sql.bind(23, instance.driver);
    sql.bind(24, instance.driver_options);
    sql.bind(25, std::int64_t{instance.queued_run});
    sql.bind(26, std::int64_t{instance.spec_changed});
    auto put = run(sql);
    return put ? put : put.error().with("cannot record the state of daemon " + instance.uuid);
}

Result<void> RecordStore::put_run(const StoredRun& stored) {
    auto& sql = statement(put_run_sql);
    sql.bind(0, to_sql(stored.run));
    sql.bind(1, stored.uuid);
    sql.bind(2, to_unix_ms(stored.began_at));
    sql.bind(3, stored.pid);
    bind_time(sql, 4, stored.ended_at);
    bind_exit(sql, 5, stored.exit);
    return run(sql);
}

Result<void> RecordStore::add_history(const HistoryEntry& entry) {
    auto& sql = statement(add_history_sql);
    sql.bind(0, entry.id);
    sql.bind(1, to_unix_ms(entry.at));
    sql.bind(2, entry.daemon);
    sql.bind(3, entry.uuid);
    sql.bind(4, entry.kind);
    sql.bind(5, entry.from);
    sql.bind(6, entry.to);
    sql.bind(7, entry.reason);
    sql.bind(8, to_sql(entry.run));
    sql.bind(9, entry.pid);
    bind_exit(sql, 10, entry.exit);
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

}  // namespace syspulse::registry
