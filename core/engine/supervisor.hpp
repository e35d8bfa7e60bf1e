// All daemons together: hands each event to the machine it is for, lets what changed propagate to
// dependents and dependencies, keeps the requests that wait for an answer, and says what is to be
// done. It is a function with memory: handle(event, now) gives actions. It knows no clock, thread,
// file or plugin, and the same events at the same times with the same seed give the same actions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/name_index.hpp"
#include "base/random.hpp"
#include "engine/daemon_machine.hpp"
#include "engine/event.hpp"
#include "engine/timer_queue.hpp"

namespace syspulse::engine {

class Supervisor final : private Surroundings {
  public:
    // `last_run` is the highest run id ever used; new runs get higher ones.
    Supervisor(std::uint64_t seed, RunId last_run) : random_(seed), last_run_(last_run) {}

    // Appends what is to be done to `actions`, in the order it was decided.
    void handle(const Event& event, Now now, std::vector<Action>& actions);

    // When handle(TimeAdvanced) is due next; nothing while there is nothing to wait for.
    std::optional<Instant> next_deadline();

    const DaemonMachine* find(DaemonKey daemon) const;
    bool shutting_down() const { return shutting_down_; }

    // `view` gets all that the engine knows; uptimes are as of `now`.
    void describe(DaemonKey daemon, Now now, model::DaemonView& view);
    // How many it keeps, of which some may have been given up; for tests of their bound.
    std::size_t timers() const { return timers_.size(); }
    // The registered daemon that needs this one, if any; it cannot be removed before.
    const DaemonMachine* first_dependent(DaemonKey daemon) const;
    // Whom a stop of it takes along: what stands on it, directly or through others, and is neither
    // at rest nor about to end. Sorted by name.
    std::vector<std::string> taken_along_by_stop_of(DaemonKey daemon) const;

  private:
    struct Waiter {
        enum class For : std::uint8_t { spawn, ready, rest, removal, hold };
        DaemonKey daemon;
        For what{};
        Duration timeout{0};  // If there is one.
    };

    Now now() const override { return now_; }
    Random& random() override { return random_; }
    RunId next_run() override { return RunId{++last_run_.value}; }
    CheckId next_check() override { return CheckId{++last_check_}; }
    void emit(Action action) override;
    void arm(Instant when, TimerKind kind, DaemonKey daemon, std::uint32_t generation) override;
    bool is_awaited(const TimerEntry& timer) const;
    void add_timer(Instant when, TimerKind kind, std::uint64_t owner, std::uint32_t generation);
    void reached(DaemonKey daemon, Milestone milestone) override;
    void touched(DaemonKey daemon) override { touched_.push_back(daemon); }

    void on(const DaemonAdded& event);
    void on(const SpecChanged& event);
    void on(const ManagerStarted& event);
    void on(const StartRequested& event);
    void on(const StopRequested& event);
    void on(const RestartRequested& event);
    void on(const RemoveRequested& event);
    void on(const PauseRequested& event);
    void on(const ResumeRequested& event);
    void on(const Held& event);
    void on(const SignalFailed& event);
    void on(const Spawned& event);
    void on(const SpawnFailed& event);
    void on(const RecoverFailed& event);
    void on(const Exited& event);
    void on(const Checked& event);
    void on(const TimeAdvanced& event);
    void on(const WallClockChanged& event);
    void on(const ShutdownRequested& event);

    DaemonMachine* machine(DaemonKey daemon);
    const DaemonMachine* named(std::string_view name) const { return find(key_of(name)); }
    DaemonMachine* named(std::string_view name) { return machine(key_of(name)); }
    DaemonKey key_of(std::string_view name) const;
    DaemonMachine* machine_of(DaemonKey daemon, RequestId request);
    void link(DaemonKey daemon, const model::DaemonSpec& spec);
    void unlink(DaemonKey daemon);
    void remove(DaemonKey daemon);

    void settle();
    void consider(DaemonMachine& machine);
    void consider_dependencies(DaemonMachine& machine);
    const DaemonMachine* live_dependent(DaemonKey daemon);
    std::vector<DaemonKey> held_up_by(const DaemonMachine& machine) const;
    std::vector<DaemonKey> all_dependents(DaemonKey daemon) const;
    void stop_dependents(DaemonKey daemon, bool force);
    void start_failed_dependencies(const DaemonMachine& machine);
    void answer_blocked_starts();
    void finish_if_done();

    Error too_late(const Waiter& waiter);
    bool refuse_when_shutting_down(RequestId request);
    void wait(RequestId request, DaemonKey daemon, Waiter::For what,
              std::optional<Duration> timeout);
    void reply(RequestId request, std::optional<Error> error);
    static bool answers(Milestone::Kind kind, Waiter::For what);
    static std::optional<Error> outcome(const DaemonMachine& machine, const Milestone& milestone,
                                        Waiter::For what);
    void resolve(DaemonKey daemon, const Milestone& milestone);
    void tell_dependencies(const DaemonMachine& machine, const Milestone& undying);
    void complete_removal(DaemonKey daemon);
    std::vector<RequestId> waiters_of(DaemonKey daemon) const;
    void drop_waiters(DaemonKey daemon, const Error& error);

    Random random_;
    RunId last_run_;
    std::uint64_t last_check_ = 0;
    Now now_{};
    std::vector<Action>* actions_ = nullptr;
    TimerQueue timers_;

    std::map<DaemonKey, DaemonMachine> machines_;  // In the order of registration.
    NameIndex by_name_;
    std::unordered_map<std::string, std::vector<DaemonKey>>
        dependents_;  // By the name depended upon.
    // Where the latest look for a live one among them ended.
    std::unordered_map<DaemonKey, std::size_t> live_place_;
    std::map<RequestId, Waiter> waiters_;
    std::multimap<DaemonKey, RequestId> waiters_of_;

    std::vector<DaemonKey> touched_;
    std::vector<std::pair<DaemonKey, Milestone>> milestones_;
    bool shutting_down_ = false;
    bool finished_ = false;
    DaemonKey last_active_;           // Of the latest look for somebody active during a shutdown.
    std::vector<DaemonKey> blocked_;  // Seen waiting for dependencies during the present event.
};

}  // namespace syspulse::engine
