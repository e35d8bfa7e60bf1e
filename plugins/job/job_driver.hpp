// The driver `job`: each process in a job object of its own, with everything that it starts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "job/console_event.hpp"
#include "job/held_threads.hpp"
#include "job/job_messages.hpp"
#include "job/job_object.hpp"
#include "windows/win32.hpp"

namespace syspulse::plugins::job {

// One way to ask a process to end.
enum class StopStep : std::uint8_t { ctrl_c, ctrl_break, event };

class JobDriver : public sdk::Driver {
  public:
    static constexpr const char* name = "job";
    static constexpr const char* summary = "Runs a process in a Windows job object";
    static constexpr std::uint32_t enforces =
        SYSP_LIMIT_MEMORY | SYSP_LIMIT_CPU | SYSP_LIMIT_PROCESSES;
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema();

    explicit JobDriver(const sdk::Config& config);
    JobDriver(const JobDriver&) = delete;
    JobDriver& operator=(const JobDriver&) = delete;
    ~JobDriver();

    sdk::Spawned spawn(const sdk::SpawnRequest& request);
    sdk::Spawned recover(const sdk::RecoverRequest& request);
    void signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig);
    bool inspect(sysp_proc proc) const { return processes_.count(proc) != 0; }
    void release(sysp_proc proc);
    // Whether the options fit together, and the system takes the limits.
    void try_spawn(const sdk::Config& config, const sysp_limits& limits) const;
    sysp_stats stats(sysp_proc proc) const;
    void freeze(sysp_proc proc, sdk::Answer&& answer);
    void thaw(sysp_proc proc, sdk::Answer&& answer);

  private:
    // What ended processes report that we killed; told as SIGKILL, whatever the number.
    static constexpr UINT kill_code = 137;
    static constexpr std::int32_t sig_kill = 9;

    struct Options {
        std::vector<StopStep> steps;
        std::chrono::milliseconds between{0};
        std::string stop_event;
        std::string reload_event;
    };
    struct Process {
        DWORD pid = 0;
        JobObject job;
        windows::UniqueHandle process;
        Options options;
        sdk::Watch watch;
        sdk::Timer settled;    // See spawn().
        sdk::Timer next_step;  // Of a graceful stop.
        HeldThreads held_threads;
        bool held = false;                     // By freeze().
        bool may_be_half_held = false;         // By a manager that died in freeze().
        std::size_t last_step = 0;             // Of a graceful stop.
        std::optional<std::size_t> owed_step;  // Likewise, while it is held.
        ConsoleEvent console_event;
        bool exited = false;
        bool killed = false;  // By us, with whatever exit code.
        bool hit_memory_limit = false;
        std::uint64_t quiet_until_ns = 0;  // About its limit of processes.
    };

    static Options options_of(const sdk::Config& config);
    // Defaults in the place of those that do not fit: what runs is not lost for that.
    Options options_to_go_on_with(const sdk::Config& config, const std::string& run_id) const;
    bool take_over_held(Process& process);
    void let_outlive_us(sysp_proc proc, Process& process);
    sdk::Spawned adopt(sysp_proc proc, Process process, std::string token);
    sdk::Spawned adopt_leftovers(sysp_proc proc, Process process, std::string token);
    void exited(sysp_proc proc);
    void watch_messages();
    void read_messages();
    void ask_to_end(sysp_proc proc, std::size_t step);
    static void take_step(Process& process, StopStep step);
    void take_owed_step(sysp_proc proc);
    void kill(sysp_proc proc);
    Process& find(sysp_proc proc);
    // As they are in this turn of the loop, in which all are looked for that were there before.
    const ThreadsByProcess& threads_now();
    // From here on it outlives this process, however short it has been there.
    void let_live(Process& process) const noexcept;

    sdk::Io io_;
    JobMessages messages_;
    sdk::Watch messages_watch_;  // While there is a process that they may be about.
    std::unordered_map<sysp_proc, Process> processes_;
    std::optional<ThreadsByProcess> threads_now_;
    sdk::Timer turn_over_;
};

}  // namespace syspulse::plugins::job
