// The operator's side of the conductor: requests, views and history.
#include <algorithm>
#include <iterator>
#include <set>

#include "base/signals.hpp"
#include "config/suggest.hpp"
#include "manager/conductor.hpp"

namespace syspulse::manager {
namespace {

// A conflict: nothing has changed. What was tried and failed has a history of its own.
bool is_refusal(ErrorCode code) {
    return code == ErrorCode::invalid_state || code == ErrorCode::unavailable ||
           code == ErrorCode::unsupported || code == ErrorCode::not_found;
}

// The reason of an action that was not done; `by` is its own.
std::string refused(const Error& why, const std::string& by) {
    return "refused: " + why.message + "; " + by;
}

std::string signal_failure(const Error& why, const std::string& by) {
    if (!may_have_arrived(why.code)) return refused(why, by);
    return "nobody knows whether it arrived: " + why.message + "; " + by;
}

}  // namespace

DaemonKey Conductor::key_of(const std::string& name) const {
    return by_name_.find(
        name, [this](DaemonKey key) -> const std::string& { return entries_.at(key).name(); });
}

Error Conductor::not_found(const std::string& name) const {
    std::vector<std::string_view> names;
    for (const auto& [key, entry] : entries_) names.push_back(entry.name());
    std::sort(names.begin(), names.end());
    return {ErrorCode::not_found,
            "no daemon named \"" + name + '"' + config::suggestion(name, names)};
}

RequestId Conductor::ask(DaemonKey daemon, std::string what, const Operator& by, Done done,
                         Told told) {
    const RequestId request{++last_request_};
    requests_[request] = std::move(done);
    untold_[request] = {action_of(entries_.at(daemon), std::move(what), by), told};
    return request;
}

// By now the engine has decided about all that was asked. What it refuses has changed nothing, and
// the history must not read as if it had.
void Conductor::note_requests(const Batch& batch) {
    if (untold_.empty()) return;
    for (const engine::Action& action : batch) {
        const auto* reply = std::get_if<engine::Reply>(&action);
        const auto found = reply == nullptr ? untold_.end() : untold_.find(reply->request);
        if (found == untold_.end()) continue;
        auto& [entry, told] = found->second;
        if (reply->error && (told == Told::answered || is_refusal(reply->error->code)))
            entry.reason = refused(*reply->error, entry.reason);
        told = Told::decided;
    }
    for (auto next = untold_.begin(); next != untold_.end();) {
        auto& [entry, told] = next->second;
        if (told == Told::decided) recorder_.note(std::move(entry));
        next = told == Told::decided ? untold_.erase(next) : std::next(next);
    }
}

// Whether a run that is asked for would be found after a crash. A journal that worked until now is
// taken to go on so when `known_to_be_fine`: should it fail, the run does not begin, see act().
Result<void> Conductor::can_record(DaemonKey daemon, bool known_to_be_fine, std::string_view verb) {
    if (known_to_be_fine || supervisor_->find(daemon) == nullptr) return {};
    const auto done = recorder_.write_now({model::InstanceChanged{stored_instance(daemon)}});
    if (done) return {};
    return done.error().with("cannot " + std::string(verb) + " \"" + entries_.at(daemon).name() +
                             '"');
}

Result<void> Conductor::check_addable(const std::vector<model::DaemonSpec>& specs,
                                      bool replace) const {
    if (supervisor_->shutting_down())
        return Error{ErrorCode::unavailable, "the manager shuts down"};
    std::string taken;
    for (const model::DaemonSpec& spec : specs) {
        const auto left = unreadable_.find(spec.name);
        if (begun_ && replace && left != unreadable_.end() && left->second.may_run)
            return no_such(spec.name);
        if (key_of(spec.name) || left != unreadable_.end())
            taken += (taken.empty() ? "\"" : ", \"") + spec.name + "\"";
    }
    if (taken.empty() || replace) return {};
    return Error{ErrorCode::already_exists,
                 taken + " exists already; remove it first, or use --replace"};
}

Result<void> Conductor::add(const std::vector<model::DaemonSpec>& specs, bool replace,
                            const Operator& by) {
    if (auto ok = check_addable(specs, replace); !ok) return ok;
    Additions additions;
    const Now now = ports_.clock.now();
    for (const model::DaemonSpec& spec : specs) enter(spec, now.wall, by, additions);
    if (!additions.records.empty()) {
        if (const auto done = recorder_.write_now(std::move(additions.records)); !done) {
            for (const DaemonKey key : additions.added) {
                by_name_.erase(entries_.at(key).name(), key);
                entries_.erase(key);
            }
            return done.error().with("cannot register");
        }
    }
    announce(additions);
    publish();
    return {};
}

// Enters a daemon that is new; one whose declaration changes keeps its old one until the registry
// has the new.
void Conductor::enter(const model::DaemonSpec& spec, WallTime now, const Operator& by,
                      Additions& additions) {
    auto shared = std::make_shared<const model::DaemonSpec>(spec);
    if (const DaemonKey key = key_of(spec.name)) {
        Entry entry = entries_.at(key);
        if (*entry.spec == spec) return;
        entry.spec = shared;
        additions.records.emplace_back(model::SpecReplaced{stored_spec(entry)});
        additions.records.emplace_back(model::HistoryAdded{action_of(entry, "replace", by)});
        additions.changed.emplace_back(key, shared);
        return;
    }
    const DaemonKey key{++last_key_};
    const auto left = unreadable_.find(spec.name);
    const bool known = left != unreadable_.end();
    const std::string uuid = known ? left->second.instance.uuid : options_.make_uuid();
    const Entry& entry = entries_.emplace(key, Entry{uuid, shared, now}).first->second;
    by_name_.insert(spec.name, key);
    additions.added.push_back(key);
    if (known) {
        additions.records.emplace_back(model::SpecReplaced{stored_spec(entry)});
    } else {
        additions.records.emplace_back(model::SpecAdded{stored_spec(entry)});
    }
    additions.records.emplace_back(
        model::HistoryAdded{action_of(entry, known ? "replace" : "add", by)});
}

// Tells the engine of what is registered; nothing can fail here. The queue keeps the order with
// requests that are already in it.
void Conductor::announce(const Additions& additions) {
    for (const auto& [key, spec] : additions.changed) {
        entries_.at(key).spec = spec;
        ports_.checks.forget(key);
        submit(engine::SpecChanged{key, spec});
    }
    for (const DaemonKey key : additions.added) {
        const Entry& entry = entries_.at(key);
        if (entry.spec->log.capture)
            ports_.capture.prepare(entry.name(), capture_settings(*entry.spec));
        engine::DaemonAdded event{key, entry.spec, std::nullopt, false};
        // A manager that has not begun takes over what the declaration was in the way of.
        if (const auto left = unreadable_.extract(entry.name()); left && !begun_) {
            event.stored = left.mapped().instance;
            event.rebooted = from_earlier_life(*event.stored);
            if (event.stored->run_live) runs_[event.stored->run] = key;
        }
        submit(std::move(event));
    }
    if (!queue_.empty()) drain();
}

void Conductor::start(const std::string& name, bool wait, std::optional<Duration> timeout,
                      const Operator& by, Done done) {
    const DaemonKey key = key_of(name);
    if (!key) return done(no_such(name));
    if (const auto ok = can_record(key, journal_error().empty(), "start"); !ok) return done(ok);
    submit(engine::StartRequested{key, ask(key, "start", by, std::move(done)), wait, timeout});
}

void Conductor::stop(const std::string& name, bool force, std::optional<Duration> timeout,
                     const Operator& by, Done done) {
    const DaemonKey key = key_of(name);
    if (!key) return done(no_such(name));
    const RequestId request = ask(key, force ? "stop --force" : "stop", by, std::move(done));
    submit(engine::StopRequested{key, request, force, timeout});
}

// A run that is ended for another must not be missed because that one cannot begin.
void Conductor::restart(const std::string& name, bool force, bool wait,
                        std::optional<Duration> timeout, const Operator& by, Done done) {
    const DaemonKey key = key_of(name);
    if (!key) return done(no_such(name));
    if (const auto ok = can_record(key, false, "restart"); !ok) return done(ok);
    const RequestId request = ask(key, "restart", by, std::move(done));
    submit(engine::RestartRequested{key, request, force, wait, timeout});
}

void Conductor::remove(const std::string& name, bool force, const Operator& by, Done done) {
    const DaemonKey key = key_of(name);
    if (!key && unreadable_.contains(name)) return done(remove_unreadable(name, force, by));
    if (!key) return done(no_such(name));
    submit(engine::RemoveRequested{key, ask(key, "remove", by, std::move(done)), force});
}

void Conductor::signal(const std::string& name, std::int32_t number, const Operator& by,
                       Done done) {
    const DaemonKey key = key_of(name);
    if (!key) return done(no_such(name));
    if (!queue_.empty()) drain();
    const engine::DaemonMachine* m = supervisor_->find(key);
    if (m == nullptr || !m->run_live() || m->pid() == 0)
        return done(Error{ErrorCode::invalid_state, "\"" + name + "\" is not running"});
    // Recorded before it is sent, so that a manager that dies meanwhile leaves word of who asked.
    auto entry = action_of(entries_.at(key), "signal " + signal_name(number), by);
    recorder_.note(entry);
    write_notes();
    auto told = [this, alive = alive_, done = std::move(done), entry](auto sent) mutable {
        if (!sent && *alive) {
            entry.at = ports_.clock.now().wall;
            entry.reason = signal_failure(sent.error(), entry.reason);
            recorder_.note(entry);
            write_notes();
        }
        // It was the wrong signal then.
        if (!sent && sent.error().code == ErrorCode::unsupported)
            sent = Error{ErrorCode::invalid_argument, sent.error().message};
        done(sent);
    };
    ports_.processes.signal(m->run(), number, std::move(told));
}

void Conductor::pause(const std::string& name, const Operator& by, Done done) {
    const DaemonKey key = key_of(name);
    if (!key) return done(no_such(name));
    const RequestId request = ask(key, "pause", by, std::move(done), Told::answered);
    submit(engine::PauseRequested{key, request});
}

void Conductor::resume(const std::string& name, const Operator& by, Done done) {
    const DaemonKey key = key_of(name);
    if (!key) return done(no_such(name));
    const RequestId request = ask(key, "resume", by, std::move(done), Told::answered);
    submit(engine::ResumeRequested{key, request});
}

std::vector<model::DaemonView> Conductor::views() {
    const Now now = ports_.clock.now();
    std::vector<model::DaemonView> all;
    all.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) all.push_back(view_of(key, entry, now));
    return all;
}

std::optional<model::DaemonView> Conductor::view(const std::string& name) {
    const DaemonKey key = key_of(name);
    if (!key) return std::nullopt;
    return view_of(key, entries_.at(key), ports_.clock.now());
}

void Conductor::stats(const std::string& name, platform::StatsHandler done) {
    const engine::DaemonMachine* m = supervisor_->find(key_of(name));
    if (m == nullptr || !m->run_live() || m->pid() == 0) {
        return done(Error{ErrorCode::invalid_state, "\"" + name + "\" is not running"});
    }
    ports_.processes.stats(m->run(), std::move(done));
}

engine::SpecPtr Conductor::spec(const std::string& name) const {
    const DaemonKey key = key_of(name);
    return key ? entries_.at(key).spec : nullptr;
}

std::vector<model::DependencyNode> Conductor::dependencies() const {
    std::vector<model::DependencyNode> nodes;
    for (const auto& [key, entry] : entries_)
        nodes.push_back({entry.name(), entry.spec->depends_on});
    return nodes;
}

std::vector<engine::SpecPtr> Conductor::specs() const {
    std::vector<engine::SpecPtr> all;
    for (const auto& [key, entry] : entries_) all.push_back(entry.spec);
    return all;
}

Result<std::vector<model::HistoryEntry>> Conductor::history(const model::HistoryQuery& query) {
    return ports_.journal.history(query);
}

std::uint64_t Conductor::subscribe(std::function<void(const model::HistoryEntry&)> seen) {
    subscribers_[++last_subscription_] = std::move(seen);
    return last_subscription_;
}

void Conductor::unsubscribe(std::uint64_t id) {
    subscribers_.erase(id);
}

model::HistoryEntry Conductor::action_of(const std::string& uuid, const std::string& name,
                                         std::string what, const Operator& by) const {
    model::HistoryEntry history;
    history.at = ports_.clock.now().wall;
    history.daemon = name;
    history.uuid = uuid;
    history.kind = "action";
    history.to = std::move(what);
    history.reason = by;
    return history;
}

void Conductor::note_manager(std::string what, std::string reason) {
    model::HistoryEntry history;
    history.at = ports_.clock.now().wall;
    history.kind = "manager";
    history.to = std::move(what);
    history.reason = std::move(reason);
    recorder_.note(std::move(history));
}

void Conductor::tell_of_manager(std::string what, std::string reason) {
    note_manager(std::move(what), std::move(reason));
    write_notes();
}

// No turn follows by itself.
void Conductor::write_notes() {
    recorder_.write({});
    publish();
}

model::HistoryEntry Conductor::history_entry(const engine::AddHistory& action) const {
    model::HistoryEntry entry;
    entry.at = ports_.clock.now().wall;
    const auto found = entries_.find(action.daemon);
    if (found != entries_.end()) {
        entry.daemon = found->second.name();
        entry.uuid = found->second.uuid.text();
    }
    entry.kind = action.kind;
    entry.from = action.from;
    entry.to = action.to;
    entry.reason = action.reason;
    entry.run = action.run;
    entry.pid = action.pid;
    entry.exit = action.exit;
    return entry;
}

std::string Conductor::run_id(const Entry& entry, RunId run) const {
    return entry.uuid.text() + "." + std::to_string(run.value);
}

}  // namespace syspulse::manager
