// The statements of the record store, names and texts in the same order.
#pragma once

#include <array>

#include "registry/record_store.hpp"

namespace syspulse::registry {

enum RecordStore::Sql : std::size_t {
    begin_sql,
    commit_sql,
    add_spec_sql,
    replace_spec_sql,
    remove_spec_sql,
    remove_runs_sql,
    update_instance_sql,
    insert_instance_sql,
    update_run_sql,
    insert_run_sql,
    add_history_sql,
    raise_last_run_sql,
    last_run_sql,
    set_left_sql,
    left_sql,
    last_history_sql,
    specs_sql,
    instances_sql,
    history_sql,
    history_of_sql,
    history_like_sql,
    first_since_sql,
    runs_sql,
    prune_to_sql,
    prune_before_sql,
    prune_runs_sql,
    with_runs_sql,
};

#define SYSPULSE_HISTORY_COLUMNS                                                                \
    "id, at, daemon, uuid, kind, from_word, to_word, reason, run, pid, exit_kind, exit_value, " \
    "exit_oom, exit_memory_peak"

inline constexpr std::array sql_texts{
    "BEGIN IMMEDIATE",
    "COMMIT",
    "INSERT INTO specs (uuid, name, spec_json, added_at) VALUES (?, ?, ?, ?)",
    "UPDATE specs SET name = ?2, spec_json = ?3, added_at = ?4 WHERE uuid = ?1",
    "DELETE FROM specs WHERE uuid = ?",
    "DELETE FROM runs WHERE uuid = ?",
    // Both are tried in this order: REPLACE would rewrite the row and its index entry, and for each
    // ON CONFLICT DO UPDATE SQLite sets up a table in memory, which costs more than the update.
    "UPDATE instances SET target = ?2, state = ?3, health = ?4, run = ?5, run_live = ?6, pid = ?7,"
    " token = ?8, started_at = ?9, stopped_at = ?10, exit_kind = ?11, exit_value = ?12,"
    " exit_oom = ?13, exit_memory_peak = ?14, restart_count = ?15, attempt = ?16, armed_at = ?17,"
    " last_fired_at = ?18, last_error = ?19, completed = ?20, boot = ?21, next_restart_at = ?22,"
    " kill_at = ?23, driver = ?24, driver_options = ?25, queued_run = ?26, spec_changed = ?27"
    " WHERE uuid = ?1",
    "INSERT INTO instances (uuid, target, state, health, run, run_live, pid, token, started_at,"
    " stopped_at, exit_kind, exit_value, exit_oom, exit_memory_peak, restart_count, attempt,"
    " armed_at, last_fired_at, last_error, completed, boot, next_restart_at, kill_at,"
    " driver, driver_options, queued_run, spec_changed)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
    " ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)",
    // A run stays with its daemon; naming the column would rewrite the index each time.
    "UPDATE runs SET began_at = ?3, pid = ?4, ended_at = ?5, exit_kind = ?6, exit_value = ?7,"
    " exit_oom = ?8, exit_memory_peak = ?9 WHERE run = ?1",
    "INSERT INTO runs (run, uuid, began_at, pid, ended_at, exit_kind, exit_value, exit_oom,"
    " exit_memory_peak) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    "INSERT INTO history (" SYSPULSE_HISTORY_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    "UPDATE meta SET value = ?1 WHERE key = 'last_run' AND value < ?1",
    "SELECT value FROM meta WHERE key = 'last_run'",
    "INSERT INTO meta VALUES ('daemons_left', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
    "SELECT coalesce((SELECT value FROM meta WHERE key = 'daemons_left'), 0)",
    "SELECT coalesce(max(id), 0) FROM history",
    "SELECT uuid, name, spec_json, added_at FROM specs ORDER BY position",
    "SELECT s.uuid, i.target, i.state, i.health, i.run, i.run_live, i.pid, i.token, i.started_at,"
    " i.stopped_at, i.exit_kind, i.exit_value, i.exit_oom, i.exit_memory_peak, i.restart_count,"
    " i.attempt, i.armed_at, i.last_fired_at, i.last_error, i.completed, i.boot, i.next_restart_at,"
    " i.kill_at, i.driver, i.driver_options, i.queued_run, i.spec_changed"
    " FROM specs AS s LEFT JOIN instances AS i ON i.uuid = s.uuid ORDER BY s.position",
    "SELECT " SYSPULSE_HISTORY_COLUMNS
    " FROM history WHERE id > ?1 AND id < ?5 AND at >= ?2 ORDER BY id DESC LIMIT ?3",
    "SELECT " SYSPULSE_HISTORY_COLUMNS
    " FROM history WHERE id > ?1 AND id < ?5 AND at >= ?2 AND daemon = ?4"
    " ORDER BY id DESC LIMIT ?3",
    "SELECT " SYSPULSE_HISTORY_COLUMNS
    " FROM history WHERE id > ?1 AND id < ?5 AND at >= ?2 AND daemon GLOB ?4"
    " ORDER BY id DESC LIMIT ?3",
    "SELECT min(id) FROM history INDEXED BY history_by_time WHERE at >= ?",
    "SELECT run, uuid, began_at, pid, ended_at, exit_kind, exit_value, exit_oom, exit_memory_peak"
    " FROM runs WHERE uuid = ?1 ORDER BY run DESC LIMIT ?2",
    "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE id < ?1 ORDER BY id LIMIT ?2)",
    "DELETE FROM history WHERE id IN"
    " (SELECT id FROM history WHERE at < ?1 AND id < ?2 ORDER BY at LIMIT ?3)",
    "DELETE FROM runs WHERE run IN"
    " (SELECT run FROM runs WHERE uuid = ?1 ORDER BY run DESC LIMIT ?2 OFFSET ?3)",
    "SELECT DISTINCT uuid FROM runs WHERE uuid > ?1 ORDER BY uuid LIMIT ?2",
};

#undef SYSPULSE_HISTORY_COLUMNS

}  // namespace syspulse::registry
