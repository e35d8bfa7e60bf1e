#include "manager/conductor.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "config/spec_json.hpp"
#include "platform/users.hpp"

namespace syspulse::manager {
namespace {

// Spawns and recoveries are done in slices, so that requests are served in between while hundreds
// start.
constexpr std::size_t beginnings_per_turn = 8;
// While more are waiting to begin, so many starts are recorded in one transaction, which costs as
// much as three of them.
constexpr std::size_t starts_per_turn = 64;
// A manager that takes the place of a dead one leaves the daemons alone for so long, in which
// those who waited at the endpoint learn how they stood.
constexpr Duration waiting_answers = std::chrono::milliseconds{5};
// A turn with so many actions leaves free memory behind that is worth giving back, once it is quiet
// again.
constexpr std::size_t much = 1000;
constexpr Duration until_quiet = std::chrono::seconds{2};

}  // namespace

Conductor::Conductor(Ports ports, ConductorOptions options)
    : ports_(ports),
      options_(std::move(options)),
      recorder_(
          ports_.journal, ports_.loop, ports_.clock,
          [this](const model::HistoryEntry& entry) {
              if (!subscribers_.empty()) unpublished_.push_back(entry);
          },
          [this] { publish(); }),
      lost_runs_(ports_.loop, ports_.clock, options_.ask_for_ends, options_.ends_told,
                 [this](RunId run, const auto& finding) { lost(run, finding); }) {
    supervisor_ = std::make_unique<engine::Supervisor>(options_.seed, RunId{});
    ports_.processes.set_observer(this);
    ports_.checks.set_observer(this);
}

Conductor::~Conductor() {
    *alive_ = false;
    for (const platform::TimerId timer : {timer_, first_turn_, tidying_}) {
        if (timer != 0) ports_.loop.cancel_timer(timer);
    }
    ports_.processes.set_observer(nullptr);
    ports_.checks.set_observer(nullptr);
}

Result<void> Conductor::load() {
    auto snapshot = ports_.journal.load();
    if (!snapshot) return snapshot.error();
    SYSPULSE_ASSERT(snapshot->specs.size() == snapshot->instances.size(), "one instance per spec");
    supervisor_ = std::make_unique<engine::Supervisor>(options_.seed, snapshot->last_run);
    if (options_.runs_taken_over) options_.runs_taken_over(snapshot->last_run);
    Batch batch;
    for (std::size_t i = 0; i < snapshot->specs.size(); ++i) {
        const model::StoredInstance& instance = snapshot->instances[i];
        left_running_ = left_running_ || (snapshot->daemons_left && !from_earlier_life(instance));
        load_daemon(snapshot->specs[i], instance, batch);
    }
    perform(batch);
    // Of this start only.
    if (snapshot->daemons_left) recorder_.write({model::DaemonsLeft{false}});
    return {};
}

// A declaration that was fine may be refused by now: another version wrote it, or the system has
// lost a time zone that it names. That is no reason to leave all other daemons alone.
void Conductor::load_daemon(const model::StoredSpec& stored, const model::StoredInstance& instance,
                            Batch& batch) {
    auto spec = config::from_stored_json(stored.name, stored.spec_json);
    if (!spec) {
        const bool may_run = instance.run_live && !from_earlier_life(instance);
        unreadable_[stored.name] = {instance, spec.error().message, may_run};
        return log::error(no_such(stored.name).message);
    }
    const DaemonKey key{++last_key_};
    auto shared = std::make_shared<const model::DaemonSpec>(std::move(*spec));
    entries_.emplace(key, Entry{stored.uuid, shared, stored.added_at});
    by_name_.insert(stored.name, key);
    if (instance.run_live) runs_[instance.run] = key;
    const engine::DaemonAdded added{key, shared, instance, from_earlier_life(instance)};
    supervisor_->handle(added, ports_.clock.now(), batch);
}

bool Conductor::from_earlier_life(const model::StoredInstance& instance) const {
    return !instance.boot.empty() && instance.boot != options_.boot;
}

void Conductor::begin(bool restore, bool continued) {
    begun_ = true;
    // A manager that left daemons running is gone on with; this is no start of the system.
    const engine::ManagerStarted started{restore, continued || left_running_};
    if (!continued) return submit(started);
    // It stands before all requests, which bring the first turn about earlier.
    queue_.emplace_back(started);
    first_turn_ = ports_.loop.start_timer(ports_.clock.now().mono + waiting_answers, [this] {
        first_turn_ = 0;
        if (!queue_.empty()) drain();
    });
}

// --- events

void Conductor::spawned(RunId run, const platform::SpawnedProcess& process) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    if (options_.run_noted) options_.run_noted(run, process);
    queue_.emplace_back(
        engine::Spawned{found->second, run, process.pid, process.token, process.frozen});
    if (beginnings_.empty() || queue_.size() >= starts_per_turn) post_drain();
}

void Conductor::spawn_failed(RunId run, const Error& error) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    submit(engine::SpawnFailed{found->second, run, error});
}

void Conductor::spawn_in_doubt(RunId run, const Error& error) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    submit(engine::SpawnFailed{found->second, run, error, true});
}

// All that is to be known of the run's end is known.
void Conductor::lost(RunId run, const LostRuns::Finding& finding) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    if (const auto status = seen_exit(run)) {
        submit(engine::Exited{found->second, run, *status});
    } else if (const auto* unknown = std::get_if<ExitStatus>(&finding)) {
        submit(engine::Exited{found->second, run, *unknown});
    } else {
        const bool never_ran = options_.may_have_run && !options_.may_have_run(run);
        submit(
            engine::RecoverFailed{found->second, run, true, std::get<Error>(finding), never_ran});
    }
}

void Conductor::exited(RunId run, const ExitStatus& status) {
    const auto found = runs_.find(run);
    if (found == runs_.end())
        return log::debug("the end of run " + std::to_string(run.value) +
                          " is ignored: it is over");
    if (status.kind == ExitStatus::Kind::lost) return await_exit(run, status);
    submit(engine::Exited{found->second, run, status});
}

// How it ended may be known already, whatever else the keeper is still to find out.
void Conductor::await_exit(RunId run, LostRuns::Finding finding) {
    if (seen_exit(run)) return lost(run, finding);
    lost_runs_.add(run, std::move(finding));
}

std::optional<ExitStatus> Conductor::seen_exit(RunId run) const {
    const auto found = runs_.find(run);
    if (!options_.exit_seen || found == runs_.end()) return std::nullopt;
    const engine::DaemonMachine* const m = supervisor_->find(found->second);
    return m != nullptr ? options_.exit_seen(run, m->pid()) : std::nullopt;
}

void Conductor::checked(CheckId check, const platform::CheckReport& report) {
    const auto found = checks_.find(check);
    if (found == checks_.end()) return;
    const DaemonKey daemon = found->second;
    checks_.erase(found);
    using Outcome = platform::CheckReport::Outcome;
    const bool passed = report.outcome == Outcome::passed;
    const bool conclusive = report.outcome != Outcome::lost;
    submit(engine::Checked{daemon, check, passed, report.message, report.latency, conclusive,
                           report.metrics});
}

void Conductor::wall_clock_changed() {
    submit(engine::WallClockChanged{});
}

void Conductor::shut_down(bool keep_running, bool force) {
    leaves_daemons_ = keep_running;
    lost_runs_.hurry();
    submit(engine::ShutdownRequested{keep_running, force});
}

// --- one turn

void Conductor::submit(engine::Event event) {
    queue_.push_back(std::move(event));
    post_drain();
}

void Conductor::post_drain() {
    if (drain_posted_) return;
    drain_posted_ = true;
    ports_.loop.post([this, alive = alive_] {
        if (*alive) drain();
    });
}

// Everything that has come in becomes one list of actions, and one transaction.
void Conductor::drain() {
    drain_posted_ = false;
    if (over_) return;
    Batch batch;
    const Now now = ports_.clock.now();
    while (!queue_.empty()) {
        const engine::Event event = std::move(queue_.front());
        queue_.pop_front();
        supervisor_->handle(event, now, batch);
    }
    // A restart without delay is due at once; it should not cost a timer and a second transaction.
    const auto due = supervisor_->next_deadline();
    if (due && *due <= now.mono) supervisor_->handle(engine::TimeAdvanced{}, now, batch);
    perform(batch);
    if (!over_) rearm();
}

void Conductor::perform(Batch& batch) {
    note_requests(batch);
    std::vector<model::JournalRecord> records;
    record(batch, records);
    reached("before-record");
    recorder_.write(std::move(records));
    reached("after-record");
    for (engine::Action& action : batch) {
        act(action);
        reached("after-act");
    }
    begin_some_runs();
    reached("before-reply");
    publish();
    for (engine::Action& action : batch) answer(action);
    reached("after-reply");
    if (batch.size() >= much) tidy_up_later();
}

void Conductor::tidy_up_later() {
    if (!options_.return_memory || tidying_ != 0) return;
    tidying_ = ports_.loop.start_timer(ports_.clock.now().mono + until_quiet, [this] {
        tidying_ = 0;
        if (beginnings_.empty()) return options_.return_memory();
        tidy_up_later();
    });
}

void Conductor::reached(std::string_view place) const {
    if (options_.between_steps) options_.between_steps(place);
}

void Conductor::record(Batch& batch, std::vector<model::JournalRecord>& records) {
    std::set<DaemonKey> persisted;
    records.reserve(batch.size());
    for (const engine::Action& action : batch) append_record(action, persisted, records);
}

void Conductor::append_record(const engine::Action& action, std::set<DaemonKey>& persisted,
                              std::vector<model::JournalRecord>& records) {
    if (const auto* instance = std::get_if<engine::PersistInstance>(&action)) {
        // The instance is written as it stands at the end of the turn, so once is enough.
        if (supervisor_->find(instance->daemon) == nullptr ||
            !persisted.insert(instance->daemon).second)
            return;
        records.emplace_back(model::InstanceChanged{stored_instance(instance->daemon)});
    } else if (const auto* run = std::get_if<engine::PersistRun>(&action)) {
        const auto entry = entries_.find(run->daemon);
        if (entry == entries_.end()) return;
        model::StoredRun stored = run->run;
        stored.uuid = entry->second.uuid.text();
        records.emplace_back(model::RunChanged{std::move(stored)});
    } else if (const auto* history = std::get_if<engine::AddHistory>(&action)) {
        records.emplace_back(model::HistoryAdded{history_entry(*history)});
    } else if (const auto* forget = std::get_if<engine::ForgetDaemon>(&action)) {
        const auto entry = entries_.find(forget->daemon);
        if (entry != entries_.end())
            records.emplace_back(model::SpecRemoved{entry->second.uuid.text()});
    } else if (std::holds_alternative<engine::Finish>(action) && leaves_daemons_) {
        records.emplace_back(model::DaemonsLeft{true});
    }
}

void Conductor::publish() {
    const auto entries = std::exchange(unpublished_, {});
    // A subscriber may leave while it is told.
    const auto subscribers = subscribers_;
    for (const model::HistoryEntry& entry : entries) {
        for (const auto& [id, seen] : subscribers) {
            if (subscribers_.contains(id)) seen(entry);
        }
    }
}

model::StoredSpec Conductor::stored_spec(const Entry& entry) const {
    return {entry.uuid.text(), entry.name(), config::to_json(*entry.spec), entry.added_at};
}

model::StoredInstance Conductor::stored_instance(DaemonKey daemon) const {
    model::StoredInstance instance = supervisor_->find(daemon)->stored();
    instance.uuid = entries_.at(daemon).uuid.text();
    instance.boot = options_.boot;
    return instance;
}

// --- spawning

// A manager that has finished begins nothing: what is recorded and was not spawned is begun by the
// next one, which finds that there is no process.
void Conductor::begin_some_runs() {
    if (beginning_posted_ || over_) return;
    for (std::size_t i = 0; i < beginnings_per_turn && !beginnings_.empty(); ++i) {
        const auto beginning = std::move(beginnings_.front());
        beginnings_.pop_front();
        std::visit([this](const auto& action) { begin_run(action); }, beginning);
    }
    if (beginnings_.empty()) {
        if (!queue_.empty()) post_drain();
        return;
    }
    beginning_posted_ = true;
    ports_.loop.post([this, alive = alive_] {
        if (!*alive) return;
        beginning_posted_ = false;
        begin_some_runs();
    });
}

platform::CaptureSettings Conductor::capture_settings(const model::DaemonSpec& spec) {
    const model::LogConfig& log = spec.log;
    return {log.max_size_bytes, log.retain_count, log.compress_rotated, log.timestamps,
            log.on_full == model::LogConfig::OnFull::block};
}

void Conductor::begin_run(const engine::SpawnRun& action) {
    const auto found = entries_.find(action.daemon);
    if (found == entries_.end()) return;
    const RunId run = action.run;
    const Entry& entry = found->second;
    const model::DaemonSpec& spec = *action.spec;
    auto user = options_.set_up_user(spec.user);
    if (!user) {
        submit(engine::SpawnFailed{action.daemon, run, user.error()});
        return;
    }
    const auto handles = capture_run(entry.name(), spec, user->number);
    if (!handles) {
        submit(engine::SpawnFailed{action.daemon, run, handles.error()});
        return;
    }
    platform::SpawnRequest request;
    request.run = run;
    request.run_id = run_id(entry, run);
    request.unit = entry.name();
    request.driver = spec.driver.type;
    request.options_json = spec.driver.options_json;
    request.argv = spec.command;
    std::map<std::string, std::string> environment;
    for (auto& [name, value] : user->environment) environment[name] = std::move(value);
    for (const auto& [name, value] : spec.env) environment[name] = value;
    environment["SYSPULSE_RUN_ID"] = request.run_id;
    environment["SYSPULSE_DAEMON"] = entry.name();
    for (const auto& [name, value] : environment) request.env.push_back(name + "=" + value);
    request.working_dir =
        spec.working_dir.empty() ? options_.root_directory : spec.working_dir.text();
    request.user = spec.user;
    request.limits = {spec.limits.max_memory_bytes, spec.limits.max_cpu_percent,
                      spec.limits.max_open_files, spec.limits.max_processes};
    request.stdio[1] = handles->out;
    request.stdio[2] = handles->err;
    if (options_.process_expected) request.pid_slot = options_.process_expected(run);
    reached("before-spawn");
    ports_.processes.spawn(request);
    reached("after-spawn");
    ports_.capture.handles_used(entry.name());
}

// One timer of the loop stands for all timers of the engine.
void Conductor::rearm() {
    const auto due = supervisor_->next_deadline();
    if (timer_ != 0 && due && *due == timer_due_) return;
    if (timer_ != 0) ports_.loop.cancel_timer(std::exchange(timer_, 0));
    if (!due) return;
    timer_due_ = *due;
    timer_ = ports_.loop.start_timer(*due, [this] {
        timer_ = 0;
        queue_.emplace_back(engine::TimeAdvanced{});
        drain();
    });
}

}  // namespace syspulse::manager
