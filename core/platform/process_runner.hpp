// How the manager has processes run, whatever runs them: plugin_host implements it with driver
// plugins, the simulator with scripted processes. Mechanism only; all policy is the engine's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "model/process_stats.hpp"
#include "platform/event_loop.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::platform {

struct ProcessLimits {
    std::optional<std::uint64_t> max_memory_bytes;
    std::optional<double> max_cpu_percent;
    std::optional<std::uint64_t> max_open_files;
    std::optional<std::uint64_t> max_processes;
};

struct SpawnRequest {
    RunId run;
    std::string run_id;  // Unique for ever; the child gets it as SYSPULSE_RUN_ID.
    std::string unit;    // The daemon's name.
    std::string driver;
    std::string options_json;  // The spec's driver `with:` block.
    std::vector<std::string> argv;
    std::vector<std::string> env;  // "K=V", complete.
    std::string working_dir;
    std::string user;
    ProcessLimits limits;
    NativeHandle stdio[3] = {no_handle, no_handle, no_handle};  // Borrowed until spawn() returns.
    // Null, or where the process leaves its number before it can end; borrowed until spawn() has
    // succeeded or failed.
    std::int32_t* pid_slot = nullptr;
};

struct RecoverRequest {
    RunId run;
    std::string run_id;
    std::string unit;
    std::string driver;
    std::string options_json;
    std::string token;  // Empty if the manager died before the driver answered.
};

struct SpawnedProcess {
    std::int64_t pid = 0;
    std::string token;    // To be recorded; what recover() needs.
    bool frozen = false;  // Recovered while held still by freeze().
    // What holds together the process and all that it starts, a job of Windows, where the driver
    // has shown it. Whoever has it keeps it from being lost with the driver.
    std::shared_ptr<const OwnedHandle> group{};
};

using model::ProcessStats;

// What comes back. All calls on the loop thread, never from inside a call to the runner. For one
// run `spawned`, `spawn_failed`, `spawn_in_doubt` or `recover_failed` comes first, once for each
// request, and `exited` at most once and after `spawned`.
class ProcessObserver {
  public:
    virtual ~ProcessObserver() = default;
    virtual void spawned(RunId run, const SpawnedProcess& process) = 0;
    virtual void spawn_failed(RunId run, const Error& error) = 0;
    // It failed, and left a process that may well live: recover() tells.
    virtual void spawn_in_doubt(RunId run, const Error& error) { spawn_failed(run, error); }
    // With `not_found` the run was looked for and is gone. With any other code it could not be
    // looked for, and may well live; recover() may be asked again.
    virtual void recover_failed(RunId run, const Error& error) = 0;
    virtual void exited(RunId run, const ExitStatus& status) = 0;
};

using DoneHandler = std::function<void(Result<void>)>;
using StatsHandler = std::function<void(Result<ProcessStats>)>;

// [loop thread]
class ProcessRunner {
  public:
    virtual ~ProcessRunner() = default;

    virtual void set_observer(ProcessObserver* observer) = 0;
    virtual void spawn(const SpawnRequest& request) = 0;
    virtual void recover(const RecoverRequest& request) = 0;

    // Sends OS signal `number` to the process and its group. `done` may be empty.
    virtual void signal(RunId run, std::int32_t number, DoneHandler done) = 0;

    // Kills everything that the driver can reach of the run, also when the leader is gone already.
    virtual void kill_tree(RunId run, DoneHandler done) = 0;

    // Holds the run and all that it started still, and lets it go on. Idempotent; `unsupported` by
    // drivers that cannot.
    virtual void freeze(RunId run, DoneHandler done) = 0;
    virtual void thaw(RunId run, DoneHandler done) = 0;

    // Asks the driver whether the run still lives; a lost exit is reported again through the
    // observer.
    virtual void inspect(RunId run) = 0;

    virtual void stats(RunId run, StatsHandler done) = 0;

    // Forgets an ended run. Never kills; idempotent.
    virtual void release(RunId run) = 0;
};

}  // namespace syspulse::platform
