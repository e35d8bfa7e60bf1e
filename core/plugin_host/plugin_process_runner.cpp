#include "plugin_host/plugin_process_runner.hpp"

#include <optional>
#include <utility>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "plugin_host/plugin_text.hpp"
#include "plugin_host/spawn_arguments.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::int32_t terminate_number = 15;

Error unknown_run() {
    return {ErrorCode::not_found, "the run has no process"};
}

}  // namespace

PluginProcessRunner::PluginProcessRunner(std::shared_ptr<HostCore> core,
                                         const PluginCatalog& catalog, Duration deadline)
    : core_(std::move(core)), catalog_(catalog), deadline_(deadline) {}

PluginProcessRunner::~PluginProcessRunner() {
    for (auto& [op, pending] : pending_) core_->loop().cancel_timer(pending.deadline);
    for (auto& [name, driver] : drivers_) core_->destroy(*driver->instance, *driver->kind);
}

Result<PluginProcessRunner::Driver*> PluginProcessRunner::driver(const std::string& name) {
    if (const auto found = drivers_.find(name); found != drivers_.end()) return found->second.get();
    const LoadedKind* const kind = catalog_.find(KindType::driver, name);
    if (kind == nullptr) {
        return Error{ErrorCode::not_found, "there is no driver \"" + name + "\" among the plugins"};
    }
    auto config = PluginConfig::parse({});
    if (!config) return config.error();
    auto made = std::make_unique<Driver>(Driver{kind, *std::move(config), nullptr});
    const auto instance = core_->create(*kind, made->config);
    if (!instance) return instance.error();
    made->instance = *instance;
    return drivers_.emplace(name, std::move(made)).first->second.get();
}

Result<PluginProcessRunner::Run*> PluginProcessRunner::begin_run(RunId run,
                                                                 const std::string& driver_name) {
    if (runs_.contains(run)) {
        return Error{ErrorCode::already_exists, "the run has a process already"};
    }
    const auto used = driver(driver_name);
    if (!used) return used.error();
    Run made{core_->add_process(*(*used)->instance, this, run), *used, 0};
    return &runs_.emplace(run, made).first->second;
}

void PluginProcessRunner::reject(Pending::Purpose purpose, RunId run, Error error) {
    // Only a driver that has looked may say that a process is gone.
    if (purpose == Pending::Purpose::recover && error.code == ErrorCode::not_found)
        error.code = ErrorCode::unavailable;
    core_->loop().post([this, core = core_, purpose, run, error = std::move(error)] {
        if (core->now()) report_failure(purpose, run, error);
    });
}

void PluginProcessRunner::report_failure(Pending::Purpose purpose, RunId run, const Error& error) {
    if (observer_ == nullptr) return;
    if (purpose == Pending::Purpose::recover) {
        observer_->recover_failed(run, error);
    } else {
        observer_->spawn_failed(run, error);
    }
}

void PluginProcessRunner::spawn(const platform::SpawnRequest& request) {
    const auto begun = begin_run(request.run, request.driver);
    if (!begun) return reject(Pending::Purpose::spawn, request.run, begun.error());
    Run& run = **begun;
    const LoadedKind& kind = *run.driver->kind;
    auto config = core_->configure(kind, request.options_json);
    if (!config) {
        core_->remove_process(run.proc);
        runs_.erase(request.run);
        return reject(Pending::Purpose::spawn, request.run, config.error());
    }
    core_->keep_secret(*run.driver->instance, kind.info.process_schema, request.options_json);
    SpawnArguments arguments(request, run.proc, kind.info.enforces, config->get());
    Pending pending{
        Pending::Purpose::spawn, run.driver, request.run, run.proc, 0, {}, false, request.unit};
    start(OpType::spawn, std::move(pending), "spawn", [&](sysp_op op) {
        return kind.driver.spawn(run.driver->instance->self, op, arguments.get());
    });
}

void PluginProcessRunner::recover(const platform::RecoverRequest& request) {
    const auto begun = begin_run(request.run, request.driver);
    if (!begun) return reject(Pending::Purpose::recover, request.run, begun.error());
    Run& run = **begun;
    const LoadedKind& kind = *run.driver->kind;
    const auto config = core_->configure_leniently(kind, request.options_json);
    if (!config) {
        core_->remove_process(run.proc);
        runs_.erase(request.run);
        return reject(Pending::Purpose::recover, request.run, config.error());
    }
    sysp_recover_request foreign{};
    foreign.size = sizeof foreign;
    foreign.proc = run.proc;
    foreign.run_id = borrow(request.run_id);
    foreign.token = borrow(request.token);
    foreign.config = config->get();
    core_->keep_secret(*run.driver->instance, kind.info.process_schema, request.options_json);
    Pending pending{
        Pending::Purpose::recover, run.driver, request.run, run.proc, 0, {}, false, request.unit};
    start(OpType::spawn, std::move(pending), "recover", [&](sysp_op op) {
        return kind.driver.recover(run.driver->instance->self, op, &foreign);
    });
}

void PluginProcessRunner::start(OpType type, Pending pending, const char* function,
                                const Slot& slot) {
    Instance& instance = *pending.driver->instance;
    const RunId run = pending.run;
    const sysp_op op = core_->begin(type, instance, this, pending.proc, run.value);
    if (const auto found = runs_.find(run); found != runs_.end()) found->second.busy = op;
    Pending& kept = pending_.emplace(op, std::move(pending)).first->second;
    const auto accepted = core_->call(instance, function, [&] { return slot(op); });
    if (!accepted) return core_->refused(instance, op, accepted.error());
    // Most drivers answer before they return; only the others need a timer.
    if (!core_->waiting(op)) return;
    kept.deadline = core_->loop().start_timer(core_->clock().now().mono + limit(*kept.driver),
                                              [this, op] { expired(op); });
}

void PluginProcessRunner::signal(RunId run, std::int32_t number, platform::DoneHandler done) {
    const std::int32_t kind = number == terminate_number ? SYSP_SIG_TERMINATE : SYSP_SIG_OS;
    start_signal(run, kind, number, std::move(done), false);
}

void PluginProcessRunner::kill_tree(RunId run, platform::DoneHandler done) {
    start_signal(run, SYSP_SIG_KILL, kill_number, std::move(done), true);
}

void PluginProcessRunner::start_plain(RunId run, Plain operation) {
    const bool urgent = operation.urgent;
    const bool to_end = operation.to_end;
    auto begin = [this, run, plain = std::move(operation)] {
        const auto found = runs_.find(run);
        if (found == runs_.end()) {
            if (plain.done) core_->loop().post([done = plain.done] { done(unknown_run()); });
            return;
        }
        // A copy, because the slot may bring about its end.
        const Run target = found->second;
        start(OpType::plain,
              {plain.purpose, target.driver, run, target.proc, 0, plain.done, plain.urgent},
              plain.function, [&](sysp_op op) { return plain.slot(target, op); });
    };
    if (to_end) return before_measurements(run, std::move(begin));
    in_turn(run, std::move(begin), urgent);
}

void PluginProcessRunner::start_signal(RunId run, std::int32_t kind, std::int32_t number,
                                       platform::DoneHandler done, bool urgent) {
    const auto slot = [kind, number](const Run& target, sysp_op op) {
        return target.driver->kind->driver.signal(target.driver->instance->self, op, target.proc,
                                                  kind, number);
    };
    const bool to_end = kind == SYSP_SIG_TERMINATE;
    start_plain(run, {Pending::Purpose::signal, "signal", slot, std::move(done), urgent, to_end});
}

void PluginProcessRunner::start_freeze(RunId run, bool frozen, platform::DoneHandler done) {
    const auto slot = [this, frozen](const Run& target, sysp_op op) -> sysp_status {
        Instance& instance = *target.driver->instance;
        const auto get = target.driver->kind->driver.get_extension;
        const auto* const found = get == nullptr ? nullptr : get(instance.self, SYSP_EXT_FREEZE);
        const auto* const table = static_cast<const sysp_freeze*>(found);
        if (table == nullptr || table->freeze == nullptr || table->thaw == nullptr) {
            core_->refuse(instance,
                          {ErrorCode::unsupported,
                           "driver " + target.driver->kind->info.name +
                               " cannot pause what it runs; the drivers cgroup and job can"});
            return SYSP_E_UNSUPPORTED;
        }
        return (frozen ? table->freeze : table->thaw)(instance.self, op, target.proc);
    };
    start_plain(
        run, {Pending::Purpose::plain, frozen ? "freeze" : "thaw", slot, std::move(done), false});
}

void PluginProcessRunner::freeze(RunId run, platform::DoneHandler done) {
    start_freeze(run, true, std::move(done));
}

void PluginProcessRunner::thaw(RunId run, platform::DoneHandler done) {
    start_freeze(run, false, std::move(done));
}

void PluginProcessRunner::inspect(RunId run) {
    const auto slot = [](const Run& target, sysp_op op) {
        return target.driver->kind->driver.inspect(target.driver->instance->self, op, target.proc);
    };
    start_plain(run, {Pending::Purpose::inspect, "inspect", slot, {}, false});
}

void PluginProcessRunner::measure(RunId run, platform::StatsHandler done) {
    const auto found = runs_.find(run);
    std::optional<Error> refused;
    if (found == runs_.end()) {
        refused = unknown_run();
    } else if (found->second.driver->kind->driver.stats == nullptr) {
        refused = Error{ErrorCode::unsupported, "driver " + found->second.driver->kind->info.name +
                                                    " does not measure processes"};
    }
    if (refused) {
        core_->loop().post([done = std::move(done), error = *refused] { done(error); });
        return;
    }
    const Run& target = found->second;
    const LoadedKind& loaded = *target.driver->kind;
    start(OpType::stats,
          {Pending::Purpose::stats, target.driver, run, target.proc, 0, std::move(done)}, "stats",
          [&](sysp_op op) {
              return loaded.driver.stats(target.driver->instance->self, op, target.proc);
          });
}

void PluginProcessRunner::release(RunId run) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    const Run ended = found->second;
    runs_.erase(found);
    if (const auto busy = pending_.find(ended.busy); busy != pending_.end()) {
        const auto purpose = busy->second.purpose;
        if (purpose == Pending::Purpose::spawn || purpose == Pending::Purpose::recover) {
            // Nobody knows yet whether there is a process.
            core_->loop().cancel_timer(busy->second.deadline);
            pending_.erase(busy);
            const Abandoned abandoned{ended.driver, purpose};
            if (core_->give_up(ended.busy)) {
                abandoned_[ended.proc] = abandoned;
            } else {
                clean_up(abandoned, ended.proc);
            }
            return next_in_turn(run);
        }
        std::optional<Error> released;
        if (!reached_its_end(busy->second))
            released = Error{ErrorCode::cancelled, "the run was released"};
        core_->settle(ended.busy, std::move(released));
    }
    call_release(*ended.driver, ended.proc);
}

void PluginProcessRunner::call_release(Driver& driver, sysp_proc proc) {
    static_cast<void>(core_->call(*driver.instance, "release", [&] {
        driver.kind->driver.release(driver.instance->self, proc);
        return sysp_status{SYSP_OK};
    }));
    core_->remove_process(proc);
}

void PluginProcessRunner::answered_late(Completion& completion) {
    const auto node = abandoned_.extract(completion.proc);
    if (!node) return;
    const Abandoned& abandoned = node.mapped();
    if (!completion.error) return clean_up(abandoned, completion.proc);
    // Nothing came up, or nothing that anybody could name.
    if (completion.unconfirmed) return call_release(*abandoned.driver, completion.proc);
    core_->remove_process(completion.proc);
}

// Ends a process that came up although its start was given up: nobody would ever stop it otherwise.
// One that was found too late is only forgotten: it is looked for again.
void PluginProcessRunner::clean_up(const Abandoned& abandoned, sysp_proc proc) {
    Driver& driver = *abandoned.driver;
    if (abandoned.purpose == Pending::Purpose::recover) return call_release(driver, proc);
    if (!refused_.contains(proc)) {
        core_->complain(*driver.instance, "unwanted",
                        "plugin " + *driver.instance->label +
                            " started a process that nobody waits for; it is killed");
    }
    start(OpType::plain, {Pending::Purpose::clean_up, &driver, RunId{}, proc, 0, {}}, "signal",
          [&](sysp_op op) {
              return driver.kind->driver.signal(driver.instance->self, op, proc, SYSP_SIG_KILL,
                                                kill_number);
          });
}

void PluginProcessRunner::completed(Completion& completion) {
    if (completion.what == Completion::What::exited) {
        const RunId run{completion.user};
        const auto found = runs_.find(run);
        if (found == runs_.end() || found->second.proc != completion.proc) return;
        if (observer_ != nullptr) observer_->exited(run, std::get<ExitStatus>(completion.payload));
        return;
    }
    if (completion.what == Completion::What::late_spawn) return answered_late(completion);
    const auto found = pending_.find(completion.op);
    if (found == pending_.end()) return;
    Pending pending = std::move(found->second);
    pending_.erase(found);
    core_->loop().cancel_timer(pending.deadline);
    operation_ended(pending, completion);
}

void PluginProcessRunner::operation_ended(Pending& pending, Completion& completion) {
    switch (pending.purpose) {
        case Pending::Purpose::spawn:
        case Pending::Purpose::recover:
            spawn_ended(pending, completion);
            break;
        case Pending::Purpose::signal:
        case Pending::Purpose::plain:
            if (const auto& done = std::get<platform::DoneHandler>(pending.handler); done) {
                done(completion.error ? Result<void>(*completion.error) : Result<void>());
            }
            break;
        case Pending::Purpose::stats:
            if (const auto& done = std::get<platform::StatsHandler>(pending.handler); done) {
                done(completion.error ? Result<platform::ProcessStats>(*completion.error)
                                      : std::get<platform::ProcessStats>(completion.payload));
            }
            break;
        case Pending::Purpose::inspect:
            if (!completion.error || completion.error->code != ErrorCode::not_found) break;
            // The driver knows nothing of it: it ended, and nobody can say how.
            if (core_->mark_exited(pending.proc) && observer_ != nullptr) {
                observer_->exited(pending.run, ExitStatus::unknown());
            }
            break;
        case Pending::Purpose::clean_up:
            cleaned_up(pending, completion.error);
            break;
    }
    if (pending.run) next_in_turn(pending.run);
}

void PluginProcessRunner::spawn_ended(const Pending& pending, Completion& completion) {
    if (!completion.error) {
        if (observer_ == nullptr) return;
        observer_->spawned(pending.run, std::get<platform::SpawnedProcess>(completion.payload));
        return;
    }
    runs_.erase(pending.run);
    if (completion.unconfirmed) return refused(pending, completion);
    // A process that may still come up keeps its name until it is cleaned up.
    if (!abandoned_.contains(pending.proc)) core_->remove_process(pending.proc);
    report_failure(pending.purpose, pending.run, *completion.error);
}

// The driver has made or found a process, and what it says of that cannot be true. Whom a wrong
// number means nobody knows, so the driver is asked to kill only what has a number of a daemon; the
// rest is looked for.
void PluginProcessRunner::refused(const Pending& pending, const Completion& completion) {
    const bool starts = pending.purpose == Pending::Purpose::spawn;
    const bool kills = starts && completion.killable;
    core_->complain(*pending.driver->instance, "untrue",
                    "driver " + pending.driver->kind->info.name + ", daemon \"" + pending.unit +
                        "\": " + completion.error->message +
                        (kills ? "; what it started is killed" : "; it is looked for"));
    if (completion.killable) {
        abandoned_[pending.proc] = {pending.driver, pending.purpose};
    } else {
        call_release(*pending.driver, pending.proc);
    }
    if (kills) {
        refused_[pending.proc] = {pending.run, *completion.error};
    } else if (!starts) {
        report_failure(pending.purpose, pending.run, *completion.error);
    } else if (observer_ != nullptr) {
        observer_->spawn_in_doubt(pending.run, *completion.error);
    }
}

// Nobody may begin another run while that of a refused start may live.
void PluginProcessRunner::cleaned_up(const Pending& pending, const std::optional<Error>& failure) {
    auto node = refused_.extract(pending.proc);
    call_release(*pending.driver, pending.proc);
    if (!node || observer_ == nullptr) return;
    const auto& [run, why] = node.mapped();
    if (!failure) return observer_->spawn_failed(run, why);
    const Error doubt{
        why.code, why.message + ", and what it started could not be killed: " + failure->message};
    core_->complain(*pending.driver->instance, "doubt",
                    "driver " + pending.driver->kind->info.name + ": " + doubt.message +
                        "; it is looked for before it is started again");
    observer_->spawn_in_doubt(run, doubt);
}

}  // namespace syspulse::plugin_host
