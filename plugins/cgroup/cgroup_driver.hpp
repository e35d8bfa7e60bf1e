// The driver `cgroup`: each run in a cgroup of its own, so that nothing that it starts can get out
// of its limits or survive it. No threads.
//
// A run ends with its leader: whatever else is in the cgroup then is killed, and the exit is
// reported once the cgroup is empty, so that what follows meets nothing of it any more.
#pragma once

#include <sys/types.h>

#include <syspulse/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "cgroup/options.hpp"
#include "cgroup/run_group.hpp"
#include "cgroup/subtree.hpp"
#include "common/accounts.hpp"
#include "common/pidfd.hpp"
#include "common/process_identity.hpp"
#include "common/unique_fd.hpp"

namespace syspulse::plugins::cgroup {

class CgroupDriver : public sdk::Driver {
  public:
    static constexpr const char* name = "cgroup";
    static constexpr const char* summary = "Runs a process and all that it starts in a cgroup";
    static constexpr std::uint32_t enforces =
        SYSP_LIMIT_MEMORY | SYSP_LIMIT_CPU | SYSP_LIMIT_OPEN_FILES | SYSP_LIMIT_PROCESSES;
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() { return options_schema(); }

    explicit CgroupDriver(const sdk::Config& config);
    ~CgroupDriver();
    CgroupDriver(const CgroupDriver&) = delete;
    CgroupDriver& operator=(const CgroupDriver&) = delete;

    void try_spawn(const sdk::Config& config, const sysp_limits& limits);
    sdk::Spawned spawn(const sdk::SpawnRequest& request);
    sdk::Spawned recover(const sdk::RecoverRequest& request);
    void signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig);
    bool inspect(sysp_proc proc) const { return runs_.count(proc) != 0; }
    void release(sysp_proc proc);
    sysp_stats stats(sysp_proc proc) const;
    void freeze(sysp_proc proc, sdk::Answer&& answer);
    void thaw(sysp_proc proc, sdk::Answer&& answer);

  private:
    // The zombie of our own child stays until release(): as long as it does, its number cannot
    // become somebody else's.
    struct Run {
        pid_t pid = 0;
        UniqueFd pidfd;
        RunGroup group;
        sdk::Watch watch;
        sdk::Timer timer;  // For the end, or for a freeze: never both.
        std::optional<sdk::Answer> freezing;
        int events = -1;                      // The inotify watch of cgroup.events.
        std::chrono::milliseconds waited{0};  // For the step under way.
        std::size_t left = 0;                 // Processes that were there at the last look.
        bool leader_gone = false;
        bool killed = false;  // By us, not for want of memory.
        bool ended = false;
        bool released = false;  // Forgotten once its cgroup is empty, and not heard of again.
        std::int32_t exit_kind = SYSP_EXIT_LOST;
        std::int32_t exit_value = 0;
    };

    Subtree& subtree(const std::string& parent);
    pid_t start(const sdk::SpawnRequest& request, const Options& options, const RunGroup& group,
                UniqueFd& pidfd);
    RunGroup find_group(const sdk::RecoverRequest& request);
    void inherit_place(const RunGroup& group);
    sdk::Spawned adopt(sysp_proc proc, const Identity& identity, UniqueFd pidfd, RunGroup group);
    void on_leader(sysp_proc proc);
    void leader_ended(sysp_proc proc, std::int32_t kind, std::int32_t value);
    void await_empty(sysp_proc proc);
    void finish(sysp_proc proc);
    void kill_group(Run& run);
    void await_frozen(sysp_proc proc);
    bool listen();
    void watch_events(sysp_proc proc, Run& run);
    void unwatch_events(Run& run);
    void on_events();
    void on_event(sysp_proc proc);
    void bury_later(Run run);
    void remove(const RunGroup& group);
    void remove_lingering();
    Run& find(sysp_proc proc);

    sdk::Io io_;
    std::string boot_id_;
    std::map<std::string, std::unique_ptr<Subtree>> subtrees_;  // By the configured parent.
    // Where recovered runs have their cgroups, made by an earlier manager; taken away at the end,
    // as those are that this one made.
    std::set<std::string> inherited_;
    std::unordered_map<sysp_proc, Run> runs_;
    std::unordered_map<pid_t, Run> abandoned_;  // Released alive; reaped when they end.
    // Of runs that have ended, with processes in them that did not die when they were killed.
    std::vector<RunGroup> lingering_;
    UniqueFd inotify_;
    sdk::Watch inotify_watch_;
    std::unordered_map<int, sysp_proc> events_;  // By inotify watch.
    Accounts accounts_;
};

}  // namespace syspulse::plugins::cgroup
