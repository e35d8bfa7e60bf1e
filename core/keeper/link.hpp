// What a manager has from its keeper: the data directory's lock, the listening socket, and the exit
// statuses of processes that ended while no manager was their parent.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/plugin_calls.hpp"
#include "base/result.hpp"
#include "keeper/board.hpp"

namespace syspulse::keeper {

struct LastCrash;

// [loop thread]
class Link {
  public:
    // Null when this process was not started by a keeper, an error when its keeper is of a version
    // that does not fit. Called once, before threads exist.
    static Result<std::unique_ptr<Link>> inherit();
    // Whether inherit() will give one or an error.
    static bool is_offered();

    virtual ~Link() = default;

    virtual std::int64_t keeper_pid() const = 0;
    // Descriptors that the caller takes over; they no longer survive exec. The endpoint is -1 where
    // each manager opens its own.
    virtual int lock() const = 0;
    virtual int endpoint() const = 0;

    // Where the system has no signals, what the keeper passes on: each time that one of these
    // handles becomes readable stands for one arrival of the signal. Otherwise empty.
    struct StopRequests {
        std::int64_t handle;
        int signal;
    };
    virtual std::vector<StopRequests> stop_requests() const { return {}; }

    // Whether an earlier manager of this keeper has served: then this one does not start the
    // daemons, it goes on with them.
    virtual bool continues() const = 0;

    // Called before any run is begun: the newest one that an earlier manager has recorded.
    virtual void take_over(RunId last) = 0;

    // Where the run's process is to leave its number before it can end, which tells the keeper
    // whose end it sees if this manager dies meanwhile. Valid until note_run() or forget_run();
    // null when too many runs are being begun at once.
    virtual std::int32_t* expect_process(RunId run) = 0;
    // Notes which process a run has, so that a later manager can ask how it ended. `group` is what
    // holds its processes together where the driver has shown it, else -1; borrowed.
    virtual void note_run(RunId run, std::int64_t pid, std::int64_t group) = 0;
    // How the run's process ended, if it ended as the keeper's child. `pid` may be zero where only
    // the note knows it.
    virtual std::optional<ExitStatus> exit_of(RunId run, std::int64_t pid) const = 0;
    // The run is over and recorded as such; its process number may become another's.
    virtual void forget_run(RunId run) = 0;
    // False: no process was ever to be made for the run.
    virtual bool was_begun(RunId run) const = 0;
    // Of a run of which no process is known. True: it began before this keeper, or the keeper saw
    // the end of a process that may have been its, and could not tell whose it was. If not, it had
    // none.
    virtual bool may_have_run(RunId run) const = 0;

    // Asks the keeper to record every end that has happened by now, and whose it was. Until it has,
    // exit_of() and may_have_run() may know too little.
    virtual void ask_for_ends() = 0;
    virtual bool has_told_ends() const = 0;

    // Where a pipe ends with the last process that has its ends, the keeper holds both of them, by
    // a name that a later manager finds them by. Handles are borrowed by hold_pipe(), which says
    // whether it could; those of held_pipe() are new. [any thread]
    struct PipeEnds {
        std::int64_t reader;
        std::int64_t writer;
    };
    virtual bool hold_pipe(std::uint64_t, const PipeEnds&) { return false; }
    virtual std::optional<PipeEnds> held_pipe(std::uint64_t) { return std::nullopt; }
    virtual void drop_pipe(std::uint64_t) {}

    virtual void serving() = 0;   // The endpoint answers.
    virtual void stopping() = 0;  // All daemons are to stop, whatever happens to this process.
    // After this process has ended with 0, `program` (empty: the same one) is the next manager. If
    // it neither serves within `limit` nor ends, the keeper ends it and goes on with this one's.
    virtual Result<void> hand_over(const std::string& program, std::chrono::milliseconds limit) = 0;
    virtual bool handing_over() const = 0;
    // The next manager is to stop all daemons.
    virtual void stop_next() = 0;
    virtual std::uint32_t failed_upgrades() const = 0;
    virtual UpgradeFailure upgrade_failure() const = 0;  // Of the last one that failed.
    virtual std::uint32_t restarts() const = 0;

    // What this manager calls of plugins is marked there, for the next one; valid until the process
    // ends.
    virtual PluginCalls& plugin_calls() = 0;
    // How the manager before this one crashed, if it did; see crashes.hpp. Called once, before any
    // plugin is.
    virtual std::optional<LastCrash> last_crash() = 0;
    virtual bool crashes_managers(std::string_view plugin) const = 0;
};

}  // namespace syspulse::keeper
