// Operations of an isolated plugin: from the call of a slot to its completion.
#include "plugin_host/isolation/remote_plugin.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "plugin_host/plugin_metrics.hpp"
#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {

RemotePlugin::RemotePlugin(HostCore& core, RemoteSetup setup)
    : core_(core),
      setup_(std::move(setup)),
      file_stamp_(setup_.info.file_stamp),
      running_stamp_(file_stamp_),
      quarantine_(setup_.policy.backoff_base, setup_.policy.backoff_max) {}

RemotePlugin::~RemotePlugin() {
    for (auto& [proc, process] : processes_) stop_watching(process);
    if (restart_timer_ != 0) core_.loop().cancel_timer(restart_timer_);
    if (retire_timer_ != 0) core_.loop().cancel_timer(retire_timer_);
    if (signal_timer_ != 0) core_.loop().cancel_timer(signal_timer_);
    if (apart_idle_timer_ != 0) core_.loop().cancel_timer(apart_idle_timer_);
}

RemoteInstance* RemotePlugin::create(Instance& instance, const LoadedKind& kind,
                                     std::string config) {
    auto made = std::make_unique<RemoteInstance>();
    made->plugin = this;
    made->id = ++last_instance_;
    made->instance = &instance;
    made->call = {made->id, kind.info.type == KindType::driver, kind.info.name, std::move(config)};
    RemoteInstance* const kept = made.get();
    instances_.emplace(kept->id, std::move(made));
    if (current_) {
        current_->send(encode(FrameType::create, 0, kept->call));
    } else if (status_.state == HostStatus::State::idle) {
        start();
    }
    return kept;
}

void RemotePlugin::destroy(RemoteInstance& instance) {
    for (auto at = processes_.begin(); at != processes_.end();) {
        const auto next = std::next(at);
        if (at->second.instance == &instance) forget(at->first);
        at = next;
    }
    std::erase_if(operations_,
                  [&](const auto& entry) { return entry.second.instance == &instance; });
    std::erase_if(released_,
                  [&](const auto& entry) { return entry.second.instance == instance.id; });
    for (HostConnection* const host : {current_.get(), retiring_.get(), apart_.get()}) {
        if (host == nullptr) continue;
        host->send(encode(FrameType::destroy, 0, PlainCall{instance.id, 0, 0, 0}));
    }
    if (!instance.subject.empty()) quarantine_.left(instance.subject);
    if (quarantine_.under_way(instance.check)) probe_apart(instance.check);
    instances_.erase(instance.id);
}

void RemotePlugin::check(RemoteInstance& instance, sysp_op op, CheckCall call) {
    std::string frame = encode(FrameType::check, 0, call);
    Operation operation{&instance, op, OpType::check, FrameType::check};
    operation.check = std::make_unique<CheckCall>(std::move(call));
    instance.check = 0;  // One that is refused has no name: the next name may be another daemon's.
    if (check_apart(operation)) return;
    submit(std::move(operation), std::move(frame));
}

void RemotePlugin::spawn(RemoteInstance& instance, sysp_op op, const SpawnCall& call,
                         std::span<const platform::NativeHandle> stdio) {
    Process& process = processes_[call.proc];
    process.instance = &instance;
    process.recovery = {instance.id, call.proc, 0, call.run_id, {}, call.config};
    submit({&instance, op, OpType::spawn, FrameType::spawn, call.proc},
           encode(FrameType::spawn, 0, call, stdio.size()), stdio);
}

void RemotePlugin::recover(RemoteInstance& instance, sysp_op op, const RecoverCall& call) {
    Process& process = processes_[call.proc];
    process.instance = &instance;
    process.recovery = call;
    process.adopted = true;
    submit({&instance, op, OpType::spawn, FrameType::recover, call.proc},
           encode(FrameType::recover, 0, call));
}

// A faulty driver postpones no kill: the leader is killed from here, what belongs to it by the
// driver. A process whose host hangs, or does not come back, is signalled from here alone; a fresh
// host that is yet to take it over is waited for, as it reaches all that belongs to it. A host of
// another user names processes that it could not signal itself, so for that one the manager's
// rights are not lent.
void RemotePlugin::signal(RemoteInstance& instance, sysp_op op, const PlainCall& call) {
    Operation operation{&instance, op, OpType::plain, FrameType::signal, call.proc};
    operation.kill = call.kind == SYSP_SIG_KILL;
    operation.signal = call;
    const bool nobody_else = status_.state == HostStatus::State::failed;
    const bool away = nobody_else || (current_ && current_->suspect());
    if ((away || operation.kill) && signal_from_here(call.proc, call.number)) {
        if (!operation.kill || nobody_else) return answer(operation, {});
        operation.leader_killed = true;
    }
    submit(std::move(operation), encode(FrameType::signal, 0, call));
}

// False if the manager holds no process, may not lend its rights, or cannot send this signal.
bool RemotePlugin::signal_from_here(sysp_proc proc, std::int32_t number) {
    const auto found = processes_.find(proc);
    const bool own_rights = setup_.policy.user.empty() && setup_.policy.group.empty();
    if (!own_rights || found == processes_.end() || !found->second.handle) return false;
    const platform::NativeHandle process = found->second.handle.get();
    // Windows lets nobody but a driver ask for an end. To one that has ended there is nothing to
    // say.
    return platform::signal_process(process, number) ||
           platform::wait_for_exit(process, Duration{0});
}

void RemotePlugin::ask(RemoteInstance& instance, sysp_op op, FrameType type,
                       const PlainCall& call) {
    const OpType answer = type == FrameType::stats ? OpType::stats : OpType::plain;
    submit({&instance, op, answer, type, call.proc}, encode(type, 0, call));
}

void RemotePlugin::extension(RemoteInstance& instance, sysp_op op, const ExtensionCall& call) {
    submit({&instance, op, OpType::plain, FrameType::extension, call.proc},
           encode(FrameType::extension, 0, call));
}

void RemotePlugin::cancel(RemoteInstance& instance, sysp_op op) {
    auto at = operations_.find(instance.check);
    if (at == operations_.end() || at->second.op != op) {
        at = std::find_if(operations_.begin(), operations_.end(),
                          [op](const auto& entry) { return entry.second.op == op; });
    }
    if (at == operations_.end()) return;
    Operation& operation = at->second;
    if (operation.sent_to == nullptr) {
        if (operation.type == OpType::spawn) forget(operation.proc);
        operations_.erase(at);
        return;
    }
    operation.losses = losses_max;  // Nobody waits for it: not worth a second try.
    operation.sent_to->send(encode(FrameType::cancel, at->first, PlainCall{instance.id, 0, 0, 0}));
    if (operation.apart) probe_apart(at->first);
}

bool RemotePlugin::unheard(const RemoteInstance& instance, sysp_op op) const {
    const auto found = operations_.find(instance.check);
    if (found == operations_.end() || found->second.op != op) return false;
    return found->second.sent_to == nullptr || found->second.losses != 0;
}

bool RemotePlugin::must_wait(const Operation& operation) const {
    if (!current_ || handing_over() || operation.apart) return true;
    if (operation.proc == 0 || operation.op == 0) return false;
    const auto found = processes_.find(operation.proc);
    return found != processes_.end() && found->second.recovering;
}

void RemotePlugin::submit(Operation operation, std::string frame,
                          std::span<const platform::NativeHandle> handles) {
    if (frame.size() > frame_bytes_max) {
        return fail(operation,
                    {ErrorCode::invalid_argument,
                     "the call has more than " + std::to_string(frame_bytes_max) + " bytes"});
    }
    if (status_.state == HostStatus::State::failed) {
        return fail(operation, {ErrorCode::unavailable,
                                "the plugin's process was lost too often (" + status_.last_error +
                                    "); run syspulse plugin reload " + setup_.info.id});
    }
    const Wire wire = ++last_wire_;
    operation.since = core_.clock().now().mono;
    if (operation.signal) mind_signals(operation.since);
    if (operation.check) operation.instance->check = wire;
    Operation& kept = operations_.emplace(wire, std::move(operation)).first->second;
    if (!must_wait(kept)) return transmit(wire, kept, frame, handles);
    kept.frame = std::move(frame);
    for (const platform::NativeHandle handle : handles) {
        auto copy = platform::duplicate_handle(handle);
        kept.handles.push_back(copy ? std::move(*copy) : platform::OwnedHandle());
    }
    if (status_.state == HostStatus::State::idle) start();
    if (cannot_outwait(kept)) hasten_restart();
}

void RemotePlugin::transmit(Wire wire, Operation& operation, std::string_view frame,
                            std::span<const platform::NativeHandle> handles) {
    operation.sent_to = current_.get();
    operation.since = core_.clock().now().mono;
    if (operation.signal) mind_signals(operation.since);
    current_->send(with_frame_id(std::string(frame), wire), handles);
}

// Sends what waits and need not any more, in the order in which it came.
void RemotePlugin::flush() {
    for (auto& [wire, operation] : operations_) {
        if (operation.sent_to != nullptr || must_wait(operation)) continue;
        std::vector<platform::NativeHandle> handles;
        for (const auto& handle : operation.handles) handles.push_back(handle.get());
        const std::string frame = std::exchange(operation.frame, {});
        transmit(wire, operation, frame, handles);
        operation.handles.clear();
    }
}

void RemotePlugin::answer(const Operation& operation, Completion completion) {
    // One that was cancelled over here is no fault of the plugin's.
    if (operation.op == 0 || !(core_.waiting(operation.op) || core_.owed(operation.op))) return;
    core_.complete(*operation.instance->instance, operation.op, operation.type,
                   std::move(completion));
}

void RemotePlugin::fail(const Operation& operation, const Error& error) {
    DoneMessage message;
    message.error = error;
    fail(operation, message);
}

void RemotePlugin::fail(const Operation& operation, const DoneMessage& message) {
    Completion completion;
    completion.error = message.error;
    completion.unconfirmed = message.unconfirmed;
    completion.killable = message.killable;
    const bool starting = operation.type == OpType::spawn && operation.op != 0;
    answer(operation, std::move(completion));
    if (starting && !message.unconfirmed) forget(operation.proc);
}

// Nobody answers any more. A start that a lost process was to carry out may have left a daemon that
// lives: it is looked for, and nothing is started beside it.
void RemotePlugin::give_up(const Operation& operation, const Error& error) {
    DoneMessage message;
    message.error = error;
    message.unconfirmed = !operation.lost_in_start.empty() && core_.waiting(operation.op);
    fail(operation, message);
}

namespace {

// What a plugin's process says may be anything, whatever the program in it is meant to send.
DoneMessage fit_to_be_shown(DoneMessage message) {
    if (message.error) message.error->message = safe_message(message.error->message);
    if (auto* const report = std::get_if<platform::CheckReport>(&message.payload)) {
        report->message = safe_message(report->message);
        report->metrics = sound_metrics(std::move(report->metrics));
    }
    return message;
}

}  // namespace

void RemotePlugin::finish(Wire wire, DoneMessage raw, std::vector<platform::OwnedHandle> handles) {
    DoneMessage message = fit_to_be_shown(std::move(raw));
    auto node = operations_.extract(wire);
    if (!node) return;  // Its instance was destroyed meanwhile.
    const Operation operation = std::move(node.mapped());
    if (operation.op == 0) return recovered(operation, message);
    const bool starting = operation.type == OpType::spawn;
    if (message.error && message.error->code == ErrorCode::not_found &&
        !operation.lost_in_start.empty()) {
        // What the fresh process does not find was never there, as far as anybody knows.
        message.error->message =
            "the process of driver " + operation.instance->call.kind +
            " was lost while it was starting this or another daemon: " + operation.lost_in_start;
    }
    if (message.error) return fail(operation, message);
    Completion completion;
    completion.payload = std::move(message.payload);
    auto* const spawned = std::get_if<platform::SpawnedProcess>(&completion.payload);
    const auto process = processes_.find(operation.proc);
    if (starting && spawned != nullptr && process != processes_.end()) {
        came_up(process->second, operation.proc, *spawned, std::move(handles));
    }
    answer(operation, std::move(completion));
}

// Our own recover or inspect after a loss, a reload or an exit that nobody reported.
void RemotePlugin::recovered(const Operation& operation, const DoneMessage& message) {
    const auto found = processes_.find(operation.proc);
    if (found == processes_.end()) return;
    Process& process = found->second;
    const bool gone = message.error && message.error->code == ErrorCode::not_found;
    if (operation.call == FrameType::inspect) {
        if (gone) look_again(operation.proc, true);
        return;
    }
    // Also of one that has ended meanwhile: operations wait for this.
    process.recovering = false;
    if (message.error && !process.ended) {
        log::warn("plugin " + setup_.info.id + ": a fresh process could not take over process " +
                  std::to_string(process.pid) + ": " + message.error->message);
        if (gone) look_again(operation.proc, true);
    }
    flush();
    advance_reload();
}

}  // namespace syspulse::plugin_host
