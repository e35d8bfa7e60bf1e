// The driver `posix`: each process in its own session, watched through a pidfd. Children get from
// clone to exec by themselves, while the loop goes on. No threads.
#pragma once

#include <sys/types.h>

#include <syspulse/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/accounts.hpp"
#include "common/child.hpp"
#include "common/process_identity.hpp"
#include "common/unique_fd.hpp"

namespace syspulse::plugins::posix {

class PosixDriver : public sdk::Driver {
  public:
    static constexpr const char* name = "posix";
    static constexpr const char* summary = "Runs a process in its own session";
    static constexpr std::uint32_t enforces =
        SYSP_LIMIT_MEMORY | SYSP_LIMIT_OPEN_FILES | SYSP_LIMIT_PROCESSES;
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() { return {}; }

    explicit PosixDriver(const sdk::Config& config);
    // Nobody is told of starts that are under way; see Start.
    ~PosixDriver();

    void spawn(sdk::SpawnRequest request, sdk::StartAnswer&& answer);
    void cancel(sysp_op op);
    sdk::Spawned recover(const sdk::RecoverRequest& request);
    void signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig);
    bool inspect(sysp_proc proc) const { return processes_.count(proc) != 0; }
    void release(sysp_proc proc);
    sysp_stats stats(sysp_proc proc) const;

  private:
    // The zombie of our own child stays until release(): as long as it does, its number cannot
    // become somebody else's process group, and leftovers of the group can still be killed.
    struct Process {
        pid_t pid = 0;
        bool exited = false;
        UniqueFd pidfd;
        sdk::Watch watch;
    };
    struct Recovered {
        std::string run_id;
        sdk::Timer wait_for_status;
        std::chrono::milliseconds waited{0};
    };

    struct Start;  // A child that is on its way to exec.

    void make_way();
    void answer_settled();
    void answer(Start& start);
    void look_soon();
    void look_later();
    sdk::Spawned started(sysp_proc proc, Launch launched);
    sdk::Spawned adopt_leftovers(const sdk::RecoverRequest& request,
                                 const std::optional<Identity>& leader);
    sdk::Spawned adopt(sysp_proc proc, pid_t pid, UniqueFd pidfd, std::string token);
    void on_readable(sysp_proc proc);
    void report_stranger(sysp_proc proc);
    void finish(sysp_proc proc, std::int32_t kind, std::int32_t value);
    Process& find(sysp_proc proc);
    void kill_leftovers(sysp_proc proc, const Process& process);
    void bury_later(Process process);

    sdk::Io io_;
    std::string boot_id_;
    std::unordered_map<sysp_proc, Process> processes_;
    std::unordered_map<sysp_proc, Recovered>
        recovered_;                                 // Only what was not started by this driver.
    std::unordered_map<pid_t, Process> abandoned_;  // Released alive; reaped when they end.
    Accounts accounts_;
    std::vector<std::unique_ptr<Start>> starting_;  // In the order in which they began.
    std::chrono::microseconds next_look_{0};
    sdk::Timer look_;  // While there are any.
};

}  // namespace syspulse::plugins::posix
