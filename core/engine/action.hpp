// What the engine wants done. Imperative. The manager performs a list in a fixed order: record,
// then act, then reply; so that a crash between two steps leaves the record ahead of the world.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.hpp"
#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "model/daemon_spec.hpp"
#include "model/journal.hpp"

namespace syspulse::engine {

// --- record -----------------------------------------------------------------------------------
// The instance changed: write DaemonMachine::stored().
struct PersistInstance {
    DaemonKey daemon;
};
// The run began, got its pid, or ended.
struct PersistRun {
    DaemonKey daemon;
    model::StoredRun run;  // Without the UUID, which the engine does not know.
};
struct AddHistory {
    DaemonKey daemon;
    std::string_view kind;  // A literal; see model::HistoryEntry.
    std::string from;
    std::string to;
    std::string reason;
    RunId run;
    std::int64_t pid = 0;
    std::optional<ExitStatus> exit;
};

// --- act --------------------------------------------------------------------------------------
struct SpawnRun {
    DaemonKey daemon;
    RunId run;
    std::shared_ptr<const model::DaemonSpec> spec;  // As it is declared when the run begins.
    // Somebody asked for it: unless the run is on record, it fails instead of beginning.
    bool only_recorded = false;
};
struct RecoverRun {
    DaemonKey daemon;
    RunId run;
    std::string token;
    model::PluginChoice driver;  // That began the run.
};
struct SignalRun {
    RunId run;
    std::int32_t signal = 0;
    bool wakes = false;  // A process that was stopped by a signal is let go on, to heed this one.
};
struct KillRun {
    RunId run;
};
// Hold the run still, or let it go on; answered by Held.
struct HoldRun {
    DaemonKey daemon;
    RunId run;
    bool paused = false;
};
struct InspectRun {
    RunId run;
};
// The run has ended: its output is complete and the driver may forget it.
struct ReleaseRun {
    DaemonKey daemon;
    RunId run;
};
struct StartCheck {
    DaemonKey daemon;
    CheckId check;
};
struct CancelCheck {
    CheckId check;
};
// The daemon is gone from the engine; drop everything kept for it, the stored spec included.
struct ForgetDaemon {
    DaemonKey daemon;
};

// --- reply ------------------------------------------------------------------------------------
struct Reply {
    RequestId request;
    std::optional<Error> error;  // Absent: done.
};
// Shutdown is complete; the loop may end.
struct Finish {};

using Action = std::variant<PersistInstance, PersistRun, AddHistory, SpawnRun, RecoverRun,
                            SignalRun, KillRun, HoldRun, InspectRun, ReleaseRun, StartCheck,
                            CancelCheck, ForgetDaemon, Reply, Finish>;

}  // namespace syspulse::engine
