// The simulator's platform: virtual time, a loop that runs on it, and processes and checks that
// behave as a seeded script says, faults included. Nothing here takes real time, and the same seed
// gives the same world.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "platform/check_runner.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/output_capture.hpp"
#include "platform/process_runner.hpp"

namespace syspulse::platform::sim {

class SimClock final : public Clock {
  public:
    Now now() const override { return now_; }
    void advance_to(Instant when) {
        if (when <= now_.mono) return;
        const Duration step = when - now_.mono;
        now_.mono = when;
        wall_exact_ += step;
        now_.wall = from_unix_ms(
            std::chrono::duration_cast<std::chrono::milliseconds>(wall_exact_).count());
    }
    // The calendar is set; monotonic time goes on as before.
    void set_wall(WallTime wall) {
        now_.wall = wall;
        wall_exact_ = wall.time_since_epoch();
    }

  private:
    Now now_{Instant{std::chrono::hours{1}}, from_unix_ms(1'750'000'000'000)};
    Duration wall_exact_ = std::chrono::milliseconds{1'750'000'000'000};
};

// Runs posted tasks and timers in the order of virtual time. Handles cannot be watched.
class SimLoop final : public EventLoop {
  public:
    SimLoop(SimClock& clock, Random& random) : clock_(clock), random_(random) {}

    void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
    Result<WatchId> watch(NativeHandle, std::uint32_t,
                          std::function<void(std::uint32_t)>) override {
        return Error{ErrorCode::unsupported, "the simulator has no handles"};
    }
    void rewatch(WatchId, std::uint32_t) override {}
    void unwatch(WatchId) override {}
    TimerId start_timer(Instant when, std::function<void()> due) override;
    void cancel_timer(TimerId id) override;
    void run() override;
    void stop() override { stopped_ = true; }

    // Runs everything that is due up to `until`. Returns the number of tasks and timers that ran.
    std::size_t run_until(Instant until);
    // Timers come up to this much late.
    void set_lateness(Duration most) { lateness_ = most; }
    Duration lateness() const { return lateness_; }

  private:
    bool step(Instant until);

    SimClock& clock_;
    Random& random_;
    std::deque<std::function<void()>> tasks_;
    std::map<std::pair<Instant, TimerId>, std::function<void()>> timers_;
    std::map<TimerId, Instant> due_of_;
    TimerId last_timer_ = 0;
    Duration lateness_{0};
    bool stopped_ = false;
};

// Probabilities of what may go wrong, each per opportunity.
struct Faults {
    double spawn_fails = 0;
    double spawn_is_slow = 0;        // The answer comes after up to a second.
    double exits_before_answer = 0;  // The process is gone before the spawn is answered.
    double exits_by_itself = 0;      // Within seconds after the start.
    double ignores_stop_signal = 0;
    double checker_silent = 0;
    double check_fails = 0;
    double duplicate_exit = 0;  // The exit is reported twice.
    double recover_fails = 0;   // The driver cannot look for the process.
};

struct SimProcess {
    RunId run;
    std::string unit;
    std::string driver;  // Only this one knows the process.
    std::int64_t pid = 0;
    bool alive = true;
    bool released = false;
    bool ignores_stop = false;
    bool frozen = false;
    std::int32_t pending_signal = 0;  // That it will heed once it may go on.
};

// All processes and checks of the simulated machine. They outlive the manager that started them.
class SimWorld {
  public:
    SimWorld(SimClock& clock, SimLoop& loop, Random& random)
        : clock_(clock), loop_(loop), random_(random) {}

    Faults faults;
    std::optional<Error> signals_fail;  // What a driver says to each signal, and sends none.
    // Called with each spawn before the process exists; invariants hook in here.
    std::function<void(const SpawnRequest&)> on_spawn;
    std::function<void(const RecoverRequest&)> on_recover;
    // Called with each process that has just ended.
    std::function<void(const SimProcess&)> on_exit;

    // Live processes of a daemon; more than one is a broken invariant.
    std::size_t live_count(const std::string& unit) const;
    // A live process of the daemon is held still.
    bool frozen(const std::string& unit) const;
    // How the run ended, whoever looked.
    std::optional<ExitStatus> exit_of(RunId run) const;
    const std::map<RunId, SimProcess>& processes() const { return processes_; }
    void exit_now(RunId run, ExitStatus status);
    // Attached runners of a manager that is gone hear nothing any more.
    void detach() {
        ++epoch_;
        process_observer_ = nullptr;
        check_observer_ = nullptr;
    }

  private:
    friend class SimProcessRunner;
    friend class SimCheckRunner;

    void later(Duration delay, std::function<void()> task);
    void spawn(const SpawnRequest& request);
    void live_on(RunId run);
    void report_exit(RunId run, ExitStatus status);
    Duration up_to(Duration most);

    SimClock& clock_;
    SimLoop& loop_;
    Random& random_;
    std::map<RunId, SimProcess> processes_;
    std::map<RunId, ExitStatus> exits_;
    std::map<CheckId, TimerId> checks_;
    ProcessObserver* process_observer_ = nullptr;
    CheckObserver* check_observer_ = nullptr;
    std::uint64_t epoch_ = 0;
    std::int64_t last_pid_ = 1000;
};

class SimProcessRunner final : public ProcessRunner {
  public:
    explicit SimProcessRunner(SimWorld& world) : world_(world) {}
    void set_observer(ProcessObserver* observer) override { world_.process_observer_ = observer; }
    void spawn(const SpawnRequest& request) override { world_.spawn(request); }
    void recover(const RecoverRequest& request) override;
    void signal(RunId run, std::int32_t number, DoneHandler done) override;
    void kill_tree(RunId run, DoneHandler done) override;
    void freeze(RunId run, DoneHandler done) override;
    void thaw(RunId run, DoneHandler done) override;
    void inspect(RunId run) override;
    void stats(RunId run, StatsHandler done) override;
    void release(RunId run) override;

  private:
    void set_frozen(RunId run, bool frozen, const DoneHandler& done);

    SimWorld& world_;
};

class SimCheckRunner final : public CheckRunner {
  public:
    explicit SimCheckRunner(SimWorld& world) : world_(world) {}
    void set_observer(CheckObserver* observer) override { world_.check_observer_ = observer; }
    void start(const CheckRequest& request) override;
    void cancel(CheckId check) override;
    void forget(DaemonKey) override {}

  private:
    SimWorld& world_;
};

class SimCapture final : public OutputCapture {
  public:
    Result<CaptureHandles> open(const std::string&, const CaptureSettings&) override {
        return CaptureHandles{};
    }
    void run_ended(const std::string&) override {}
    void close(const std::string&) override {}
};

}  // namespace syspulse::platform::sim
