// How the conductor carries out what the engine decided.
#include <string>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "base/path_text.hpp"
#include "base/signals.hpp"
#include "manager/conductor.hpp"

namespace syspulse::manager {

void Conductor::act(engine::Action& action) {
    if (auto* spawn = std::get_if<engine::SpawnRun>(&action)) {
        act(*spawn);
    } else if (auto* recover = std::get_if<engine::RecoverRun>(&action)) {
        act(*recover);
    } else if (const auto* signal = std::get_if<engine::SignalRun>(&action)) {
        act(*signal);
    } else if (const auto* kill = std::get_if<engine::KillRun>(&action)) {
        ports_.processes.kill_tree(kill->run, {});
    } else if (const auto* hold = std::get_if<engine::HoldRun>(&action)) {
        act(*hold);
    } else if (const auto* inspect = std::get_if<engine::InspectRun>(&action)) {
        ports_.processes.inspect(inspect->run);
    } else if (auto* release = std::get_if<engine::ReleaseRun>(&action)) {
        act(*release);
    } else if (auto* check = std::get_if<engine::StartCheck>(&action)) {
        act(*check);
    } else if (const auto* cancel = std::get_if<engine::CancelCheck>(&action)) {
        checks_.erase(cancel->check);
        ports_.checks.cancel(cancel->check);
    } else if (auto* forget = std::get_if<engine::ForgetDaemon>(&action)) {
        act(*forget);
    }
}

void Conductor::act(engine::SpawnRun& action) {
    const Entry& entry = entries_.at(action.daemon);
    if (action.only_recorded && recorder_.holds_back(entry.uuid.text())) {
        const Error why{ErrorCode::unavailable, recorder_.error()};
        return submit(engine::SpawnFailed{action.daemon, action.run,
                                          why.with("cannot start \"" + entry.name() + '"')});
    }
    runs_[action.run] = action.daemon;
    beginnings_.emplace_back(std::move(action));
}

void Conductor::act(engine::RecoverRun& action) {
    beginnings_.emplace_back(std::move(action));
}

void Conductor::begin_run(const engine::RecoverRun& action) {
    const auto found = entries_.find(action.daemon);
    if (found == entries_.end()) return;
    const Entry& entry = found->second;
    // Also where nothing is to be captured any more: the run may have begun before that was so.
    if (entry.spec->log.capture || ports_.capture.has_pipes(entry.name())) {
        const auto opened = ports_.capture.open(entry.name(), capture_settings(*entry.spec));
        if (!opened) log::warn(opened.error().message);
        ports_.capture.handles_used(entry.name());
    }
    // The last manager died before its turn came. Looking at all processes would hold up others.
    if (options_.run_begun && !options_.run_begun(action.run)) {
        const Error error{ErrorCode::not_found, "no process was made for this run"};
        return submit(engine::RecoverFailed{action.daemon, action.run, true, error, true});
    }
    ports_.processes.recover({action.run, run_id(entry, action.run), entry.name(),
                              action.driver.type, action.driver.options_json, action.token});
}

void Conductor::recover_failed(RunId run, const Error& error) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    if (error.code != ErrorCode::not_found)
        return submit(engine::RecoverFailed{found->second, run, false, error, false});
    const Entry& entry = entries_.at(found->second);
    const engine::DaemonMachine* const machine = supervisor_->find(found->second);
    const std::int64_t pid = machine == nullptr ? 0 : machine->pid();
    if (!options_.carries_run || !options_.carries_run(pid, run_id(entry, run)))
        return await_exit(run, error);
    // A second copy beside it would do more harm than a daemon that nobody can reach.
    const Error lie{ErrorCode::unavailable, "its driver says that it is gone (" + error.message +
                                                "), but process " + std::to_string(pid) +
                                                " lives and is this run; it is left alone"};
    log::error("daemon \"" + entry.name() + "\": " + lie.message);
    submit(engine::RecoverFailed{found->second, run, false, lie, false});
}

// What the run is to write to; no handles where nothing is captured.
Result<platform::CaptureHandles> Conductor::capture_run(const std::string& name,
                                                        const model::DaemonSpec& spec,
                                                        std::optional<std::uint32_t> user) {
    if (!spec.log.capture) {
        if (ports_.capture.has_pipes(name)) ports_.capture.close(name);
        return platform::CaptureHandles{};
    }
    platform::CaptureSettings settings = capture_settings(spec);
    settings.user = user;
    return ports_.capture.open(name, settings);
}

void Conductor::act(engine::StartCheck& action) {
    const Entry& entry = entries_.at(action.daemon);
    const engine::DaemonMachine* m = supervisor_->find(action.daemon);
    if (m == nullptr || !entry.spec->health_check) return;
    const model::HealthCheckSpec& check = *entry.spec->health_check;
    checks_[action.check] = action.daemon;
    ports_.checks.start({action.check, action.daemon, entry.name(), check.checker.type,
                         check.target, check.checker.options_json, m->pid(), check.timeout});
}

void Conductor::act(const engine::SignalRun& action) {
    const auto run = runs_.find(action.run);
    if (run == runs_.end()) return;
    auto done = [this, alive = alive_, action, daemon = run->second](const Result<void>& sent) {
        if (!*alive || sent) return;
        submit(engine::SignalFailed{daemon, action.run, action.signal, sent.error()});
    };
    ports_.processes.signal(action.run, action.signal, std::move(done));
    if (action.wakes) ports_.processes.signal(action.run, signal_number::go_on, {});
}

void Conductor::act(const engine::HoldRun& action) {
    auto done = [this, alive = alive_, action](Result<void> held) {
        if (!*alive) return;
        submit(engine::Held{action.daemon, action.run, action.paused,
                            held ? std::nullopt : std::optional<Error>(held.error())});
    };
    if (action.paused) return ports_.processes.freeze(action.run, std::move(done));
    ports_.processes.thaw(action.run, std::move(done));
}

void Conductor::act(engine::ReleaseRun& action) {
    runs_.erase(action.run);
    if (options_.run_forgotten) options_.run_forgotten(action.run);
    ports_.processes.release(action.run);
    const auto entry = entries_.find(action.daemon);
    if (entry != entries_.end()) ports_.capture.run_ended(entry->second.name());
}

void Conductor::act(engine::ForgetDaemon& action) {
    ports_.checks.forget(action.daemon);
    const auto entry = entries_.find(action.daemon);
    if (entry == entries_.end()) return;
    ports_.capture.close(entry->second.name());
    by_name_.erase(entry->second.name(), action.daemon);
    entries_.erase(entry);
}

void Conductor::answer(engine::Action& action) {
    if (auto* reply = std::get_if<engine::Reply>(&action)) {
        const auto found = requests_.find(reply->request);
        if (found == requests_.end()) return;
        const Done done = std::move(found->second);
        requests_.erase(found);
        done(reply->error ? Result<void>(*reply->error) : Result<void>());
    } else if (std::holds_alternative<engine::Finish>(action)) {
        over_ = true;
        report_abandoned();
        recorder_.write_last();
        if (finished_) finished_();
    }
}

// Who asked for the shutdown follows events until its end, and learns it from there.
void Conductor::report_abandoned() {
    for (const auto& [key, entry] : entries_) {
        const engine::DaemonMachine* m = supervisor_->find(key);
        if (m == nullptr || !m->abandoned()) continue;
        const std::string which = "\"" + entry.name() + "\" (pid " + std::to_string(m->pid()) + ")";
        log::error(which + " is left behind: " + m->stored().last_error);
        note_manager("left behind", which + ": " + m->stored().last_error);
    }
}

model::DaemonView Conductor::view_of(DaemonKey daemon, const Entry& entry, Now now) {
    model::DaemonView view;
    view.id = entry.uuid.text();
    view.name = entry.name();
    view.driver = entry.spec->driver.type;
    view.description = entry.spec->description;
    view.tags = entry.spec->tags;
    view.depends_on = entry.spec->depends_on;
    if (entry.spec->log.capture) {
        const std::string folder =
            options_.logs_dir + path_separator + entry.name() + path_separator;
        view.stdout_log = folder + "stdout.log";
        view.stderr_log = folder + "stderr.log";
    }
    const platform::OutputCount output = ports_.capture.count(entry.name());
    view.output_bytes = output.bytes;
    view.output_dropped_bytes = output.dropped_bytes;
    supervisor_->describe(daemon, now, view);
    return view;
}

}  // namespace syspulse::manager
