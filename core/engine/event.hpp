// What can happen, as far as the engine is concerned. Past tense; one line says what each means.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "model/daemon_spec.hpp"
#include "model/journal.hpp"
#include "model/metric.hpp"

namespace syspulse::engine {

using SpecPtr = std::shared_ptr<const model::DaemonSpec>;

// A daemon was registered, or loaded from the journal: then `stored` says how it stood.
struct DaemonAdded {
    DaemonKey daemon;
    SpecPtr spec;
    std::optional<model::StoredInstance> stored;
    bool rebooted = false;  // `stored` was written in an earlier life of the machine.
};
// The declaration of a known daemon changed; it applies from the next run on.
struct SpecChanged {
    DaemonKey daemon;
    SpecPtr spec;
};
// Everything known has been added. With `restore` what ran before runs again. `continued` says that
// the last manager ended just now and this one goes on in its place: what starts with a manager has
// been started already, and what fell due in between is still wanted.
struct ManagerStarted {
    bool restore = true;
    bool continued = false;
};

struct StartRequested {
    DaemonKey daemon;
    RequestId request;
    bool wait = false;  // Answer when running and, with a health check, healthy.
    std::optional<Duration> timeout;
};
struct StopRequested {
    DaemonKey daemon;
    RequestId request;
    bool force = false;               // Kill at once.
    std::optional<Duration> timeout;  // Instead of the spec's stop_timeout.
};
struct RestartRequested {
    DaemonKey daemon;
    RequestId request;
    bool force = false;
    bool wait = false;
    std::optional<Duration> timeout;
};
struct RemoveRequested {
    DaemonKey daemon;
    RequestId request;
    bool force = false;  // Stop an active daemon first.
};

struct PauseRequested {
    DaemonKey daemon;
    RequestId request;
};
struct ResumeRequested {
    DaemonKey daemon;
    RequestId request;
};

// Answers of the process runner. `run` tells to which attempt they belong; stale ones are ignored.
struct Spawned {
    DaemonKey daemon;
    RunId run;
    std::int64_t pid = 0;
    std::string token;
    bool paused = false;  // Found held still by an earlier pause.
};
struct SpawnFailed {
    DaemonKey daemon;
    RunId run;
    Error error;
    bool in_doubt = false;  // It may have left a process that lives.
};
// Of a run that an earlier manager began. Unless it is `gone`, nobody knows what became of it.
struct RecoverFailed {
    DaemonKey daemon;
    RunId run;
    bool gone = false;
    Error error;
    bool never_ran = false;  // Gone, and it had no process unless one is known.
};
struct Exited {
    DaemonKey daemon;
    RunId run;
    ExitStatus status;
};

// The run is held still, or may go on; with an error it was not done.
struct Held {
    DaemonKey daemon;
    RunId run;
    bool paused = false;  // What was asked for.
    std::optional<Error> error;
};

// A signal that the engine had asked for: the driver refused it, or did not say that it was sent.
struct SignalFailed {
    DaemonKey daemon;
    RunId run;
    std::int32_t signal = 0;
    Error error;
};

struct Checked {
    DaemonKey daemon;
    CheckId check;
    bool passed = false;
    std::string message;
    Duration latency{0};
    bool conclusive = true;  // False: it could not be made, for no fault of the daemon's.
    std::vector<model::Metric> metrics{};
};

// Time has passed: whatever was due by now is acted upon.
struct TimeAdvanced {};
// The calendar was set; schedules are reckoned anew.
struct WallClockChanged {};

struct ShutdownRequested {
    bool keep_running = false;  // Leave the daemons alone for the next manager.
    bool force = false;         // Kill instead of asking.
};

using Event = std::variant<DaemonAdded, SpecChanged, ManagerStarted, StartRequested, StopRequested,
                           RestartRequested, RemoveRequested, PauseRequested, ResumeRequested,
                           Spawned, SpawnFailed, RecoverFailed, Exited, Held, SignalFailed, Checked,
                           TimeAdvanced, WallClockChanged, ShutdownRequested>;

}  // namespace syspulse::engine
