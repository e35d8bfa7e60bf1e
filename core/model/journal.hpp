// What survives a restart of the manager, without saying how it is kept. core/registry keeps it in
// SQLite; the simulator keeps it in memory and loses it on purpose.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "model/state.hpp"

namespace syspulse::model {

// A daemon as it was declared. `spec_json` is the canonical text of config::to_json().
struct StoredSpec {
    std::string uuid;
    std::string name;
    std::string spec_json;
    WallTime added_at{};
};

// The part of a daemon's instance that outlives the manager.
struct StoredInstance {
    std::string uuid;
    Target target = Target::down;
    State state = State::stopped;
    Health health = Health::unknown;
    RunId run;              // The live or latest run; zero before the first.
    bool run_live = false;  // The run has been recorded as begun and not yet as ended.
    std::int64_t pid = 0;   // Zero when not known.
    std::string token;      // The driver's proof of identity; empty until it answered.
    // Who runs it, whatever the declaration says by now; empty when not known.
    std::string driver;
    std::string driver_options;  // JSON.
    bool spec_changed = false;   // Since the run began, in what only another run applies.
    std::optional<WallTime> started_at;
    std::optional<WallTime> stopped_at;
    std::optional<ExitStatus> last_exit;
    std::uint32_t restart_count = 0;
    std::uint32_t attempt = 0;         // Restarts in a row, for the back-off.
    std::optional<WallTime> armed_at;  // When a schedule was armed; what @every counts from.
    std::optional<WallTime> last_fired_at;
    bool queued_run = false;  // The schedule fired while a run lived; another follows it.
    std::optional<WallTime> next_restart_at;  // In back-off: when the next run starts.
    std::optional<WallTime> kill_at;          // Asked to end: when its patience is over.
    std::string last_error;
    bool completed = false;  // At rest because the last run ended by itself and well.
    // In which life of the machine this was written; empty when not known. Processes and what
    // one-shot daemons prepared do not outlive it.
    std::string boot;
};

// What a line of history is about; "manager" belongs to no daemon.
inline constexpr std::array<std::string_view, 8> history_kinds{
    "transition", "exit", "check", "health", "schedule", "signal", "action", "manager"};

struct HistoryEntry {
    std::int64_t id = 0;  // Given by the journal; grows.
    WallTime at{};
    std::string daemon;  // Name; empty for the manager itself.
    std::string uuid;
    std::string kind;    // One of history_kinds.
    std::string from;    // transition: the old state or health.
    std::string to;      // transition: the new state or health; action: what was asked.
    std::string reason;  // One line for a person.
    RunId run;
    std::int64_t pid = 0;
    std::optional<ExitStatus> exit;
};

struct StoredRun {
    RunId run;
    std::string uuid;
    WallTime began_at{};
    std::int64_t pid = 0;
    std::optional<WallTime> ended_at;
    std::optional<ExitStatus> exit;
};

// What one turn of the loop writes, in order, as one transaction.
struct SpecAdded {
    StoredSpec spec;
};
struct SpecReplaced {
    StoredSpec spec;
};
struct SpecRemoved {
    std::string uuid;
};
struct InstanceChanged {
    StoredInstance instance;
};
struct RunChanged {
    StoredRun run;
};
struct HistoryAdded {
    HistoryEntry entry;
};
// Whether the manager ends and means its daemons to go on for the next one.
struct DaemonsLeft {
    bool left = false;
};
using JournalRecord = std::variant<SpecAdded, SpecReplaced, SpecRemoved, InstanceChanged,
                                   RunChanged, HistoryAdded, DaemonsLeft>;

struct JournalSnapshot {
    std::vector<StoredSpec> specs;          // In the order they were added.
    std::vector<StoredInstance> instances;  // One per spec, same order.
    RunId last_run;                         // The highest run id ever recorded.
    std::int64_t last_history_id = 0;
    bool daemons_left = false;  // By the last manager, on purpose.
};

struct HistoryQuery {
    std::string daemon{};  // A shell-style pattern; empty: all.
    std::int64_t after_id = 0;
    std::optional<WallTime> since{};
    std::size_t limit = 1000;  // The newest that match, returned oldest first.
    std::int64_t before_id = std::numeric_limits<std::int64_t>::max();
};

// [loop thread]
class Journal {
  public:
    virtual ~Journal() = default;

    virtual Result<JournalSnapshot> load() = 0;

    // All records or none. On success every HistoryAdded entry has its id filled in.
    virtual Result<void> commit(std::span<JournalRecord> records) = 0;

    virtual Result<std::vector<HistoryEntry>> history(const HistoryQuery& query) = 0;

    virtual Result<std::vector<StoredRun>> runs(const std::string& uuid, std::size_t limit) = 0;

    // Gives up the space that was kept for the last records on a full disk; false if there is none.
    virtual bool free_reserve() { return false; }
};

}  // namespace syspulse::model
