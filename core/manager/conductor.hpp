// The loop in which everything meets: events go into the engine, and what it decides is recorded,
// done and answered, in this order. It works on interfaces only, so that the simulator can run it;
// entry.cpp gives it the real ones.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/name_index.hpp"
#include "engine/supervisor.hpp"
#include "manager/lost_runs.hpp"
#include "manager/recorder.hpp"
#include "manager/uuid_text.hpp"
#include "model/daemon_view.hpp"
#include "model/dependency_graph.hpp"
#include "model/journal.hpp"
#include "platform/check_runner.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/output_capture.hpp"
#include "platform/process_runner.hpp"

namespace syspulse::manager {

// What the conductor works on. All outlive it.
struct Ports {
    const platform::Clock& clock;
    platform::EventLoop& loop;
    model::Journal& journal;
    platform::ProcessRunner& processes;
    platform::CheckRunner& checks;
    platform::OutputCapture& capture;
};

// How a daemon begins as one of the users of this machine.
struct UserSetup {
    std::optional<std::uint32_t> number;  // As platform::user_number().
    // Without what the spec adds.
    std::vector<std::pair<std::string, std::string>> environment;
};

struct ConductorOptions {
    std::uint64_t seed = 1;  // Of the back-off jitter.
    std::function<std::string()> make_uuid;
    // For a daemon's `user`, which may be empty. Fails when nobody knows now.
    std::function<Result<UserSetup>(const std::string& user)> set_up_user;
    std::string logs_dir;              // Only for the paths that views show.
    std::string root_directory = "/";  // Where daemons run that name no directory.
    // What outlives the manager and learns how its processes end; all may be empty. It is told of
    // each run before its process exists (SpawnRequest::pid_slot), of the process at once, before
    // it is recorded, and when the end is recorded.
    std::function<std::int32_t*(RunId run)> process_expected;
    std::function<void(RunId run, const platform::SpawnedProcess& process)> run_noted;
    std::function<void(RunId run)> run_forgotten;
    // Told once of the newest run that an earlier manager has recorded. Then it knows whether a
    // process was ever to be made for a run, and whether one of which nobody knows a process may
    // have had one.
    std::function<void(RunId last)> runs_taken_over;
    std::function<bool(RunId run)> run_begun;
    std::function<bool(RunId run)> may_have_run;
    // How a process ended that was nobody's child in between; `pid` is zero when unknown.
    std::function<std::optional<ExitStatus>(RunId run, std::int64_t pid)> exit_seen;
    // Asks for all ends up to now, and whether the two above know them; both or none.
    std::function<void()> ask_for_ends;
    std::function<bool()> ends_told;
    // May be empty; told of each step of a turn, by a name that tests/integration/survival.py
    // knows.
    std::function<void(std::string_view place)> between_steps;
    // May be empty; called some seconds after much was done at once, which has left memory that
    // nobody needs soon.
    std::function<void()> return_memory;
    // Whether the process lives and is of that run, whatever a driver says; may be empty.
    std::function<bool(std::int64_t pid, const std::string& run_id)> carries_run;
    std::string boot;  // This life of the machine; empty when not known.
};

// What a request is told in the end: nothing, or why it was not done.
using Done = std::function<void(Result<void>)>;

// Who asked, for the history; empty when the manager itself did.
using Operator = std::string;

// [loop thread]
class Conductor final : private platform::ProcessObserver, private platform::CheckObserver {
  public:
    Conductor(Ports ports, ConductorOptions options);
    ~Conductor() override;

    // Takes over what the journal holds. Called once, before begin().
    Result<void> load();
    // Runs what should run. With `restore` also what ran before; with `continued` this manager
    // takes the place of one that ended just now, and is in no hurry: requests that wait are
    // served first.
    void begin(bool restore, bool continued = false);

    // Registers all or none. With `replace`, known names get the new spec, which applies from their
    // next run on.
    Result<void> add(const std::vector<model::DaemonSpec>& specs, bool replace, const Operator& by);
    void start(const std::string& name, bool wait, std::optional<Duration> timeout,
               const Operator& by, Done done);
    void stop(const std::string& name, bool force, std::optional<Duration> timeout,
              const Operator& by, Done done);
    void restart(const std::string& name, bool force, bool wait, std::optional<Duration> timeout,
                 const Operator& by, Done done);
    void remove(const std::string& name, bool force, const Operator& by, Done done);
    void signal(const std::string& name, std::int32_t number, const Operator& by, Done done);
    void pause(const std::string& name, const Operator& by, Done done);
    void resume(const std::string& name, const Operator& by, Done done);
    void shut_down(bool keep_running, bool force);
    // Something about the manager itself, for the history: "shutdown", "by uid 0, pid 7". It is
    // written with the next turn.
    void note_manager(std::string what, std::string reason);
    // The same, at once.
    void tell_of_manager(std::string what, std::string reason);
    void wall_clock_changed();

    std::vector<model::DaemonView> views();
    std::optional<model::DaemonView> view(const std::string& name);
    void stats(const std::string& name, platform::StatsHandler done);
    // `done` is called on any thread.
    void count_lines(const std::string& name, std::function<void(std::uint64_t)> done) {
        ports_.capture.count_lines(name, std::move(done));
    }
    engine::SpecPtr spec(const std::string& name) const;
    std::size_t count() const { return entries_.size(); }
    // Whom a stop of it takes along now; see Supervisor.
    std::vector<std::string> taken_along_by_stop_of(const std::string& name) const {
        return supervisor_->taken_along_by_stop_of(key_of(name));
    }
    std::vector<model::DependencyNode> dependencies() const;
    std::vector<engine::SpecPtr> specs() const;

    Result<std::vector<model::HistoryEntry>> history(const model::HistoryQuery& query);
    // `seen` gets every entry of the history as soon as it is recorded, until unsubscribe().
    std::uint64_t subscribe(std::function<void(const model::HistoryEntry&)> seen);
    void unsubscribe(std::uint64_t id);

    // Called once, when the daemons have ended (or have been left alone) after shut_down().
    void on_finished(std::function<void()> finished) { finished_ = std::move(finished); }
    // Daemons that are left alone, because the journal's declarations of them cannot be read.
    std::vector<std::string> warnings() const;
    // With the name that was meant, perhaps.
    Error not_found(const std::string& name) const;
    // Why the last write to the journal failed; empty when all is recorded.
    const std::string& journal_error() const { return recorder_.error(); }

    // What the engine thinks; for the simulator's invariants.
    const engine::Supervisor& supervisor() const { return *supervisor_; }

  private:
    struct Entry {
        UuidText uuid;
        engine::SpecPtr spec;
        WallTime added_at{};

        const std::string& name() const { return spec->name; }
    };
    struct Unreadable {
        model::StoredInstance instance;
        std::string why;
        bool may_run = false;
    };
    // What one request registers: all of it, or nothing.
    struct Additions {
        std::vector<model::JournalRecord> records;
        std::vector<std::pair<DaemonKey, engine::SpecPtr>> changed;
        std::vector<DaemonKey> added;
    };
    using Batch = std::vector<engine::Action>;

    void load_daemon(const model::StoredSpec& stored, const model::StoredInstance& instance,
                     Batch& batch);
    void spawned(RunId run, const platform::SpawnedProcess& process) override;
    void spawn_failed(RunId run, const Error& error) override;
    void spawn_in_doubt(RunId run, const Error& error) override;
    void recover_failed(RunId run, const Error& error) override;
    void exited(RunId run, const ExitStatus& status) override;
    void checked(CheckId check, const platform::CheckReport& report) override;

    void await_exit(RunId run, LostRuns::Finding finding);
    std::optional<ExitStatus> seen_exit(RunId run) const;
    void submit(engine::Event event);
    void post_drain();
    void drain();
    void perform(Batch& batch);
    void reached(std::string_view place) const;
    void record(Batch& batch, std::vector<model::JournalRecord>& records);
    void append_record(const engine::Action& action, std::set<DaemonKey>& persisted,
                       std::vector<model::JournalRecord>& records);
    void report_abandoned();
    void publish();
    void note_requests(const Batch& batch);
    void act(engine::Action& action);
    void act(engine::SpawnRun& action);
    void act(engine::RecoverRun& action);
    void act(engine::StartCheck& action);
    void act(const engine::SignalRun& action);
    void act(const engine::HoldRun& action);
    void act(engine::ReleaseRun& action);
    void act(engine::ForgetDaemon& action);
    void answer(engine::Action& action);
    void begin_some_runs();
    void lost(RunId run, const LostRuns::Finding& finding);
    void begin_run(const engine::SpawnRun& action);
    void begin_run(const engine::RecoverRun& action);
    void rearm();
    void tidy_up_later();

    bool from_earlier_life(const model::StoredInstance& instance) const;
    DaemonKey key_of(const std::string& name) const;
    Error no_such(const std::string& name) const;
    Result<void> remove_unreadable(const std::string& name, bool force, const Operator& by);
    void write_notes();
    model::HistoryEntry action_of(const Entry& entry, std::string what, const Operator& by) const {
        return action_of(entry.uuid.text(), entry.name(), std::move(what), by);
    }
    model::HistoryEntry action_of(const std::string& uuid, const std::string& name,
                                  std::string what, const Operator& by) const;
    // When the history tells of it: as soon as it is accepted or refused, or done.
    enum class Told : std::uint8_t { decided, answered };
    RequestId ask(DaemonKey daemon, std::string what, const Operator& by, Done done,
                  Told told = Told::decided);
    Result<void> can_record(DaemonKey daemon, bool known_to_be_fine, std::string_view verb);
    model::StoredSpec stored_spec(const Entry& entry) const;
    model::StoredInstance stored_instance(DaemonKey daemon) const;
    model::HistoryEntry history_entry(const engine::AddHistory& action) const;
    std::string run_id(const Entry& entry, RunId run) const;
    static platform::CaptureSettings capture_settings(const model::DaemonSpec& spec);
    Result<platform::CaptureHandles> capture_run(const std::string& name,
                                                 const model::DaemonSpec& spec,
                                                 std::optional<std::uint32_t> user);
    model::DaemonView view_of(DaemonKey daemon, const Entry& entry, Now now);
    Result<void> check_addable(const std::vector<model::DaemonSpec>& specs, bool replace) const;
    void enter(const model::DaemonSpec& spec, WallTime now, const Operator& by,
               Additions& additions);
    void announce(const Additions& additions);

    Ports ports_;
    ConductorOptions options_;
    std::unique_ptr<engine::Supervisor> supervisor_;
    std::map<DaemonKey, Entry> entries_;  // In the order of registration.
    NameIndex by_name_;
    // By name. Their rows stay as they are until somebody removes or replaces them.
    std::map<std::string, Unreadable> unreadable_;
    std::uint32_t last_key_ = 0;
    // The last manager left its daemons to this one, in this life of the machine.
    bool left_running_ = false;
    bool leaves_daemons_ = false;  // So will this one.
    bool begun_ = false;
    std::uint64_t last_request_ = 0;
    std::uint64_t last_subscription_ = 0;

    std::deque<engine::Event> queue_;
    std::deque<std::variant<engine::SpawnRun, engine::RecoverRun>> beginnings_;
    std::unordered_map<RunId, DaemonKey> runs_;  // Runs of which something may still come.
    std::unordered_map<CheckId, DaemonKey> checks_;
    std::map<RequestId, Done> requests_;
    std::map<RequestId, std::pair<model::HistoryEntry, Told>> untold_;  // To the history.
    Recorder recorder_;
    LostRuns lost_runs_;
    std::vector<model::HistoryEntry> unpublished_;  // Recorded in this turn.
    std::map<std::uint64_t, std::function<void(const model::HistoryEntry&)>> subscribers_;
    std::function<void()> finished_;

    platform::TimerId timer_ = 0;
    platform::TimerId first_turn_ = 0;
    platform::TimerId tidying_ = 0;
    Instant timer_due_{};
    bool drain_posted_ = false;
    bool beginning_posted_ = false;
    bool over_ = false;
    // Posted tasks look at this before they touch the conductor.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace syspulse::manager
