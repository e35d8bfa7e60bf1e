#include "registry/record_rows.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>

namespace syspulse::registry {

using model::HistoryEntry;
using model::StoredInstance;
using model::StoredRun;
using model::StoredSpec;

namespace {

RunId run_at(const Statement& row, int column) {
    return {static_cast<std::uint64_t>(row.integer(column))};
}

std::uint32_t count_at(const Statement& row, int column) {
    return static_cast<std::uint32_t>(row.integer(column));
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

}  // namespace

std::int64_t to_sql(std::size_t count) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(std::min<std::uint64_t>(count, most));
}

std::int64_t to_sql(RunId run) {
    return static_cast<std::int64_t>(run.value);
}

WallTime time_at(const Statement& row, int column) {
    return from_unix_ms(row.integer(column));
}

void bind_spec(Statement& statement, const StoredSpec& spec) {
    statement.bind(0, spec.uuid);
    statement.bind(1, spec.name);
    statement.bind(2, spec.spec_json);
    statement.bind(3, to_unix_ms(spec.added_at));
}

void bind_instance(Statement& sql, const StoredInstance& instance) {
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
}

void bind_run(Statement& sql, const StoredRun& stored) {
    sql.bind(0, to_sql(stored.run));
    sql.bind(1, stored.uuid);
    sql.bind(2, to_unix_ms(stored.began_at));
    sql.bind(3, stored.pid);
    bind_time(sql, 4, stored.ended_at);
    bind_exit(sql, 5, stored.exit);
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

void bind_history(Statement& sql, const HistoryEntry& entry) {
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
}

}  // namespace syspulse::registry
