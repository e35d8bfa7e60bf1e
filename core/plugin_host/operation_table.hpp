// What the host asked plugins to do and what it heard back. Operations and processes have ids that
// carry a generation, so that a late, repeated or invented call finds nothing instead of somebody
// else's. Plugins answer from any thread; answers wait in an inbox for the loop.
#pragma once

#include <syspulse/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/boxed.hpp"
#include "base/exit_status.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "platform/check_runner.hpp"
#include "platform/process_runner.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::plugin_host {

struct Instance;
struct Completion;

// [loop thread]
class CompletionSink {
  public:
    virtual ~CompletionSink() = default;
    virtual void completed(Completion& completion) = 0;
};

// Which function completes an operation.
enum class OpType : std::uint8_t { plain, check, spawn, stats };

struct Completion {
    enum class What : std::uint8_t {
        operation,  // `op` ended; `error`, or the payload of its type.
        exited,     // The process `proc` ended.
        // The operation that was to bring `proc` up was given up, and is answered now: it came up,
        // or `error`.
        late_spawn,
    };
    What what = What::operation;
    OpType type = OpType::plain;
    CompletionSink* sink = nullptr;
    sysp_op op = 0;
    sysp_proc proc = 0;
    std::uint64_t user = 0;  // What begin() got, or the run of the process.
    std::optional<Error> error;
    bool unconfirmed = false;  // A failed spawn that left a process.
    // Of such a spawn: the driver may be asked to kill what it left, late_spawn follows.
    bool killable = false;
    std::variant<std::monostate, platform::SpawnedProcess, platform::CheckReport,
                 platform::ProcessStats, ExitStatus>
        payload;
    Instant at;
};

// False of a number that no daemon has: none at all, the first process of the machine, the manager.
bool may_be_a_daemon(std::int64_t pid);

// Not synchronised: HostCore holds its mutex around every call.
class OperationTable {
  public:
    sysp_op begin(OpType type, const Instance* instance, CompletionSink* sink, sysp_proc proc,
                  std::uint64_t user);
    bool waiting(sysp_op op) const;
    // Nobody depends on the operation any more, its one completion may still come. False if it has.
    bool give_up(sysp_op op);
    // Whether it was given up and its completion has not come yet.
    bool owed(sysp_op op) const;
    void drop_operations_of(const Instance* instance);

    sysp_proc add_process(const Instance* instance, CompletionSink* sink, RunId run);
    void remove_process(sysp_proc proc);
    // True if the process was running until now; it counts as ended from here on.
    bool mark_exited(sysp_proc proc);
    bool has_exited(sysp_proc proc) const;
    bool owns_pid(std::int64_t pid) const { return pids_.contains(pid); }

    // Completes an operation; `answer` has error, payload and time. What follows goes to inbox().
    sysp_status complete(const Instance* instance, sysp_op op, OpType type, Completion answer);
    // The host's own answer to an operation that still waits: that it is done if there is no
    // error.
    void settle(sysp_op op, std::optional<Error> error, Instant at);
    sysp_status process_exited(const Instance* instance, sysp_proc proc, const ExitStatus& status,
                               Instant at);

    std::vector<Completion>& inbox() { return inbox_; }
    Misbehaviour& counters() { return counters_; }

  private:
    struct Operation {
        std::uint32_t generation = 0;
        OpType type = OpType::plain;
        bool used = false;
        bool given_up = false;
        const Instance* instance = nullptr;
        CompletionSink* sink = nullptr;
        sysp_proc proc = 0;
        std::uint64_t user = 0;
    };
    struct Process {
        enum class State : std::uint8_t { free, spawning, running, exited };
        std::uint32_t generation = 0;
        State state = State::free;
        const Instance* instance = nullptr;
        CompletionSink* sink = nullptr;
        RunId run;
        std::int64_t pid = 0;
        Boxed<ExitStatus> parked;  // An exit that overtook its spawn.
    };

    Operation* find(sysp_op op);
    const Operation* find(sysp_op op) const;
    Process* find_process(sysp_proc proc);
    const Process* find_process(sysp_proc proc) const;
    void retire(sysp_op op);
    void finish(sysp_op op, Completion answer);
    void spawned(sysp_proc proc, Completion& answer);
    void answered_late(const Operation& operation, Completion& answer);
    void push_late(CompletionSink* sink, sysp_proc proc, Completion late = {});
    void push_exit(sysp_proc proc, const Process& process, const ExitStatus& status, Instant at);

    std::vector<Operation> operations_;
    std::vector<std::uint32_t> free_operations_;
    std::vector<Process> processes_;
    std::vector<std::uint32_t> free_processes_;
    std::unordered_set<std::int64_t> pids_;
    std::vector<Completion> inbox_;
    Misbehaviour counters_;
};

}  // namespace syspulse::plugin_host
