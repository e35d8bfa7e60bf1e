// The life-cycle of one daemon: what it is (State), what is wanted (Target), and what follows from
// each event. One function per event, a switch over all states where the state decides.
//
//   stopped    nothing runs and nothing is planned
//   starting   a run is wanted: it waits for dependencies, is being spawned, or is looked for
//              after a restart of the manager
//   running    the run's process lives
//   stopping   the process was asked to end, or waits for its dependents to end first
//   backoff    the run ended; the next one starts when the delay is over
//   failed     the run ended badly and is not tried again
//   scheduled  nothing runs; the schedule says when the next run starts
//
// A run is live from the moment it is recorded until its end is known; there is never a second live
// run. Everything that comes back from the world names its run, and what belongs to another run is
// dropped. The machine never looks at another daemon: it asks its Surroundings, which the
// Supervisor implements.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/boxed.hpp"
#include "base/maybe.hpp"
#include "base/random.hpp"
#include "base/rare_text.hpp"
#include "engine/action.hpp"
#include "engine/event.hpp"
#include "engine/health_tracker.hpp"
#include "engine/timer_queue.hpp"
#include "model/daemon_view.hpp"
#include "model/state.hpp"

namespace syspulse::engine {

// What a waiting request may hear of.
struct Milestone {
    enum class Kind : std::uint8_t {
        spawned,    // The process lives.
        ready,      // It lives and, with a health check, is healthy.
        retrying,   // The start failed or the run ended, another try follows.
        unhealthy,  // The health check gave its verdict.
        rested,     // Nothing runs and nothing is pending.
        undying,    // A stop has not reached its end: killed and still there, or out of reach.
        held,       // A pause or resume was answered.
    };
    Kind kind{};
    std::optional<Error> error;  // Why a start, stop, pause or resume did not succeed.
};

// What a machine needs of the rest of the engine.
class Surroundings {
  public:
    virtual ~Surroundings() = default;
    virtual Now now() const = 0;
    virtual Random& random() = 0;
    virtual RunId next_run() = 0;
    virtual CheckId next_check() = 0;
    virtual void emit(Action action) = 0;
    virtual void arm(Instant when, TimerKind kind, DaemonKey daemon, std::uint32_t generation) = 0;
    virtual void reached(DaemonKey daemon, Milestone milestone) = 0;
    // State, health or wish of this daemon changed; others may depend on it.
    virtual void touched(DaemonKey daemon) = 0;
};

class DaemonMachine {
  public:
    enum class Phase : std::uint8_t {
        none,
        waiting_for_dependencies,
        spawning,
        recovering,
        waiting_for_dependents,
        terminating,
        killing,
    };
    // Whether the live run is held still. Apart from State, which stays what it is.
    enum class Hold : std::uint8_t { none, pausing, paused, resuming };
    enum class StopCause : std::uint8_t { request, shutdown, unhealthy, restart, replaced };
    // A run of a scheduled daemon that is due and waits to know what became of the last one.
    enum class Owed : std::uint8_t { none, missed, at_start, accepted };

    DaemonMachine(Surroundings& surroundings, DaemonKey key, SpecPtr spec);

    // Requests. An Error is a conflict: nothing changed.
    // A run that is `asked` for begins only when it is on record: after a crash of the manager
    // nobody would find it otherwise, and the same request would begin another beside it.
    Result<void> start(std::string_view reason, bool asked = true);
    Result<void> stop(bool force, std::optional<Duration> timeout);
    // What it needs is to end. Its schedule goes on: the next run is a start like any other.
    void stop_with_dependency(bool force);
    Result<void> restart(bool force);
    void shut_down(bool force);
    void change_spec(SpecPtr spec);
    Result<void> pause();
    Result<void> unpause();

    // Events.
    void load(const model::StoredInstance& stored, bool rebooted);
    void resume(bool restore, bool continued);
    void spawned(const Spawned& event);
    void spawn_failed(const SpawnFailed& event);
    void recover_failed(const RecoverFailed& event);
    void exited(const Exited& event);
    void held(const Held& event);
    void signal_failed(const SignalFailed& event);
    void checked(const Checked& event);
    void timer(TimerKind kind, std::uint32_t generation);
    void wall_clock_changed();

    // Answers of the Supervisor to the two waiting phases.
    void dependencies_ready();
    void dependency_failed(const std::string& name);
    void dependents_ended();

    // A schedule is armed by being registered.
    void arm_schedule(std::optional<WallTime> armed_at, std::optional<WallTime> last_fired_at);

    DaemonKey key() const { return key_; }
    const model::DaemonSpec& spec() const { return *spec_; }
    model::State state() const { return state_; }
    model::Health health() const;
    Phase phase() const { return phase_; }
    bool is_active() const;
    bool is_ready() const;
    // The shutdown has given it up: it was killed and does not end.
    bool abandoned() const { return abandoned_; }
    // Its next run is asked for, and not one that supervision brings about; see start().
    bool is_asked_for() const { return asked_; }
    bool run_live() const { return run_live_; }
    RunId run() const { return run_; }
    std::int64_t pid() const { return pid_; }
    // It did its work: the last run ended by itself and well, and nothing follows.
    bool completed() const { return completed_; }
    bool timer_is_current(TimerKind kind, std::uint32_t generation) const;

    model::StoredInstance stored() const;
    model::StoredRun stored_run() const;
    void describe(model::DaemonView& view) const;

  private:
    void enter(model::State state, std::string_view reason);
    void begin_start(std::string_view reason);
    void spawn();
    void begin_stop(StopCause cause, bool force, std::optional<Duration> timeout,
                    bool wait_for_dependents);
    void terminate();
    void kill(std::string_view why);
    void stop_took_too_long();
    void end_run(std::optional<ExitStatus> status, WallTime at);
    void after_failed_or_ended(bool failed, const std::string& what,
                               std::optional<Error> start_error);
    void after_stop();
    void look_for();
    void doubt(const Error& error);
    void out_of_reach(const Error& error);
    void lost_in_recovery(bool never_ran);
    void take_age(bool recovered);
    bool arm_again(bool continued);
    bool wait_on();
    Owed take_debts(bool restore, bool continued);
    void begin_owed_run();
    void settle_debts();
    Owed pay_debt();
    Duration stop_time_left() const;
    bool start_follows_earlier_stop() const;
    void hasten_stop(Duration timeout);
    void note_kill_time();
    void wait_to_restart(Duration delay);
    void note_restart_time();
    void abandon();
    void come_to_rest(model::State state, std::string_view reason, std::optional<Error> error);
    void now_running(const Spawned& event, bool recovered);

    void freed(std::optional<Error> error);
    void tell_that_nothing_is_checked();
    void let_go();
    void end_hold(std::string_view why);

    bool ended_well() const;
    void begin_checks(bool recovered);
    void follow_new_check(bool same_check);
    void end_checks();
    void start_check();
    // Without a verdict nobody could make it.
    void check_ended(std::optional<bool> verdict, std::string message, Duration latency,
                     std::vector<model::Metric> metrics = {});

    void plan_schedule();
    void schedule_fired();
    void overlap();
    void rest_until_scheduled(std::string_view reason, std::optional<Error> error);
    void disarm_schedule();

    void arm(TimerKind kind, Instant when);
    void cancel(TimerKind kind) { ++generations_[static_cast<std::size_t>(kind)]; }
    void ask_to_end(std::int32_t signal);
    // Its process can be signalled.
    bool reachable() const { return !spawn_pending_ && !unfound_; }
    bool knows_process() const { return pid_ > 0 || !token_.empty(); }
    void persist_run() { surroundings_.emit(PersistRun{key_, stored_run()}); }
    void persist() { surroundings_.emit(PersistInstance{key_}); }
    void note(std::string_view kind, std::string from, std::string to, std::string reason);
    Error conflict(std::string_view what) const;

    Surroundings& surroundings_;
    SpecPtr spec_;
    DaemonKey key_;

    model::State state_ = model::State::stopped;
    model::Target target_ = model::Target::down;
    Phase phase_ = Phase::none;
    Hold hold_ = Hold::none;
    bool freeing_ = false;  // A resume of what is not known to be held is under way.
    StopCause stop_cause_ = StopCause::request;
    bool start_after_stop_ = false;
    bool asked_ = false;          // Until it runs or rests; tries that follow count as asked for.
    bool spawn_pending_ = false;  // An answer to a spawn or to a recovery is outstanding.
    // The run was begun by an earlier manager, or its start failed and may have left a process, and
    // nobody knows yet what became of it.
    bool unfound_ = false;
    bool doubted_ = false;      // The latter.
    bool start_again_ = false;  // Asked for meanwhile: to begin when nothing is left of that one.
    std::uint8_t looks_ = 0;    // That have not found out.
    // Likewise begun, and not looked for yet: a manager answers who waits for it before that.
    bool left_over_ = false;
    bool run_live_ = false;
    bool shutting_down_ = false;
    bool abandoned_ = false;
    bool rebooted_ = false;  // Since what load() took over was written.
    // What the daemon was when the last manager ended; of interest while a run is looked for.
    model::State before_ = model::State::stopped;
    bool completed_ = false;

    RunId run_;
    std::int64_t pid_ = 0;
    std::string token_;
    // Of the run; another declaration does not change it. Mostly a part of run_spec_; null before
    // the first run.
    std::shared_ptr<const model::PluginChoice> driver_;
    SpecPtr run_spec_;  // Likewise; null when an earlier manager knew it.
    bool spec_changed_ = false;
    Maybe<Duration> killed_after_;
    WallTime began_at_{};
    Instant started_mono_{};
    Maybe<WallTime> started_at_;
    Maybe<WallTime> stopped_at_;
    Maybe<WallTime> next_restart_at_;
    Instant restart_due_{};
    Instant asked_to_end_{};   // Last.
    Maybe<WallTime> kill_at_;  // While it is asked to end: when it is killed.
    std::optional<ExitStatus> last_exit_;
    std::uint32_t restart_count_ = 0;
    std::uint32_t attempt_ = 0;
    Duration stop_timeout_{0};
    Instant kill_due_{};
    std::string last_error_;

    Boxed<HealthTracker> health_;  // There is one if the spec has a check.
    CheckId check_;
    Boxed<model::CheckView> last_check_;

    bool armed_ = false;
    Owed owed_ = Owed::none;
    bool queued_run_ = false;
    Maybe<WallTime> armed_at_;
    Maybe<WallTime> last_fired_at_;
    Maybe<WallTime> next_fire_;

    std::array<std::uint32_t, daemon_timer_kinds> generations_{};
};

std::string_view to_string(DaemonMachine::Phase phase) noexcept;

}  // namespace syspulse::engine
