// The engine with virtual time and no world: a test says what happens and looks at what the engine
// wants done. Every action list is checked on the way for what must hold always: one live run per
// daemon, and one answer per request.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/supervisor.hpp"

namespace syspulse::engine::test {

using model::Health;
using model::State;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

model::DaemonSpec make_spec(const std::string& name);
model::DaemonSpec with_check(model::DaemonSpec spec);
model::DaemonSpec with_policy(model::DaemonSpec spec, model::RestartPolicy::Kind kind);
model::DaemonSpec with_schedule(
    model::DaemonSpec spec, const std::string& cron,
    model::ScheduleSpec::Overlap overlap = model::ScheduleSpec::Overlap::skip,
    model::ScheduleSpec::CatchUp catch_up = model::ScheduleSpec::CatchUp::none);
// What an earlier manager left: run 17 since ten minutes ago, as process 4711 if it lives.
model::StoredInstance stored(State state, model::Target target, bool live = false);
model::DaemonSpec needing(model::DaemonSpec spec, std::vector<std::string> names);

class Engine {
  public:
    explicit Engine(std::uint64_t seed = 1) : supervisor_(seed, RunId{}) {}

    DaemonKey add(model::DaemonSpec spec);
    DaemonKey load(model::DaemonSpec spec, const model::StoredInstance& stored,
                   bool rebooted = false);
    void manager_started(bool restore = true, bool continued = false) {
        handle(ManagerStarted{restore, continued});
    }
    void change(DaemonKey daemon, model::DaemonSpec spec);

    RequestId start(DaemonKey daemon, bool wait = false,
                    std::optional<Duration> timeout = std::nullopt);
    RequestId stop(DaemonKey daemon, bool force = false,
                   std::optional<Duration> timeout = std::nullopt);
    RequestId restart(DaemonKey daemon, bool force = false, bool wait = false,
                      std::optional<Duration> timeout = std::nullopt);
    RequestId remove(DaemonKey daemon, bool force = false);
    void shut_down(bool keep_running = false, bool force = false) {
        handle(ShutdownRequested{keep_running, force});
    }

    // What the world answers about the daemon's present run or check.
    void spawned(DaemonKey daemon);
    void spawn_failed(DaemonKey daemon, const std::string& why = "no such file");
    void spawn_in_doubt(DaemonKey daemon);
    // The run of the last manager was looked for and is not there; or could not be looked for.
    void gone(DaemonKey daemon, bool never_ran = false);
    void out_of_reach(DaemonKey daemon, const std::string& why = "there is no driver");
    void exited(DaemonKey daemon, ExitStatus status = ExitStatus::exited(0));
    // The latest check is answered, be it outstanding or not.
    void checked(DaemonKey daemon, bool passed, const std::string& message = "");
    // Time passes until a check is under way, which is answered so.
    void next_check(DaemonKey daemon, bool passed);
    void fail_until_unhealthy(DaemonKey daemon);
    // Starts it and lets the spawn succeed.
    void up(DaemonKey daemon);
    // Also passes the first check.
    void healthy(DaemonKey daemon);

    // Time passes; the engine is woken exactly when it asked for.
    void advance(Duration by);
    // The calendar is set and the engine told.
    void set_wall(WallTime wall);
    void handle(const Event& event);
    const Supervisor& supervisor() const { return supervisor_; }

    const DaemonMachine& machine(DaemonKey daemon) const { return *supervisor_.find(daemon); }
    State state(DaemonKey daemon) const { return machine(daemon).state(); }
    Health health(DaemonKey daemon) const { return machine(daemon).health(); }
    RunId run(DaemonKey daemon) const { return machine(daemon).run(); }
    model::DaemonView view(DaemonKey daemon);
    bool known(DaemonKey daemon) const { return supervisor_.find(daemon) != nullptr; }
    std::optional<Duration> until_deadline();
    Now now() const { return now_; }

    bool finished() const { return count<Finish>() == 1; }
    bool answered(RequestId request) const { return answers_.contains(request); }
    bool done(RequestId request) const { return answered(request) && !answers_.at(request); }
    // The code it was refused with; nothing while there is no answer or when it was done.
    std::optional<ErrorCode> refusal(RequestId request) const;
    std::string refusal_text(RequestId request) const;
    // Every request so far has its answer.
    bool all_answered() const { return answers_.size() == last_request_; }

    // The actions since the last forget_actions().
    const std::vector<Action>& actions() const { return actions_; }
    void forget_actions() { actions_.clear(); }
    template <class T>
    std::vector<T> all() const {
        std::vector<T> found;
        for (const Action& action : actions_) {
            if (const T* wanted = std::get_if<T>(&action)) found.push_back(*wanted);
        }
        return found;
    }
    template <class T>
    std::size_t count() const {
        return all<T>().size();
    }
    // Signals and kills for the run, in order: "15", "kill".
    std::vector<std::string> signals(RunId run) const;
    std::size_t spawns() const { return spawns_; }

  private:
    void check(const Action& action);
    RequestId next_request() { return RequestId{++last_request_}; }

    Supervisor supervisor_;
    Now now_{Instant{hours{5}}, from_unix_ms(1'750'000'000'000)};
    std::vector<Action> actions_;
    std::map<RequestId, std::optional<Error>> answers_;
    std::map<DaemonKey, RunId> live_;
    std::map<DaemonKey, CheckId> checks_;  // The latest of each.
    std::set<CheckId> checking_;
    std::uint32_t last_key_ = 0;
    std::uint64_t last_request_ = 0;
    std::int64_t last_pid_ = 1000;
    std::size_t spawns_ = 0;
};

}  // namespace syspulse::engine::test
