// Processes of an isolated driver, watched from the manager: their ends are seen whatever becomes
// of the plugin's process.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"

namespace syspulse::plugin_host {
namespace {

// How long a driver has to report an exit that the manager has seen already.
constexpr Duration exit_patience = std::chrono::seconds{1};
constexpr int reminders_max = 10;

}  // namespace

void RemotePlugin::came_up(Process& process, sysp_proc proc, platform::SpawnedProcess& spawned,
                           std::vector<platform::OwnedHandle> handles) {
    process.up = true;
    process.pid = spawned.pid;
    process.recovery.token = spawned.token;
    // A number that is refused has a handle that may be the manager's own: it is not to be killed.
    if (!may_be_a_daemon(spawned.pid)) handles.clear();
    if (!handles.empty()) process.handle = std::move(handles.front());
    if (handles.size() > 1)
        spawned.group = std::make_shared<const platform::OwnedHandle>(std::move(handles[1]));
    process.group = spawned.group;
    watch(process, proc);
}

void RemotePlugin::watch(Process& process, sysp_proc proc) {
    if (!process.handle || process.watch != 0 || process.ended) return;
    auto watched = core_.loop().watch(process.handle.get(), platform::ready_read,
                                      [this, proc](std::uint32_t) { handle_ready(proc); });
    if (watched) {
        process.watch = *watched;
    } else {
        log::warn("plugin " + setup_.info.id + ": cannot watch process " +
                  std::to_string(process.pid) + ": " + watched.error().message);
    }
}

void RemotePlugin::stop_watching(Process& process) {
    if (process.watch != 0) core_.loop().unwatch(std::exchange(process.watch, 0));
    if (process.overdue != 0) core_.loop().cancel_timer(std::exchange(process.overdue, 0));
}

void RemotePlugin::forget(sysp_proc proc) {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) return;
    stop_watching(found->second);
    processes_.erase(found);
}

// It has ended. Our own child can be collected here; a child of the plugin's process is reported
// by the plugin any moment.
void RemotePlugin::handle_ready(sysp_proc proc) {
    Process& process = processes_.at(proc);
    core_.loop().unwatch(std::exchange(process.watch, 0));
    // The driver knows more of how its own child ended than the kernel tells.
    if (process.inherited) return look_again(proc, false);
    remind(proc);
}

void RemotePlugin::remind(sysp_proc proc) {
    Process& process = processes_.at(proc);
    if (process.overdue != 0 || process.ended) return;
    process.overdue =
        core_.loop().start_timer(core_.clock().now().mono + exit_patience, [this, proc] {
            processes_.at(proc).overdue = 0;
            look_again(proc, false);
        });
}

// What the driver says of an exit. A driver that took the process over cannot read its status;
// the manager, which inherited it, can.
void RemotePlugin::exited(sysp_proc proc, ExitStatus status) {
    const auto found = processes_.find(proc);
    if (found == processes_.end() || found->second.ended) return;
    Process& process = found->second;
    process.oom_killed = process.oom_killed || status.oom_killed;
    process.memory_peak_bytes = std::max(process.memory_peak_bytes, status.memory_peak_bytes);
    if (status.kind == ExitStatus::Kind::lost && process.handle) {
        return look_again(proc, true);
    }
    report_exit(process, proc, status);
}

void RemotePlugin::look_again(sysp_proc proc, bool host_says_ended) {
    Process& process = processes_.at(proc);
    if (process.ended) return;
    if (!process.handle) {
        if (host_says_ended) report_exit(process, proc, ExitStatus::unknown());
        return;
    }
    if (const auto status = platform::collect_exit(process.handle.get())) {
        return report_exit(process, proc, *status);
    }
    if (!platform::wait_for_exit(process.handle.get(), Duration{0})) {
        // It lives, whatever the driver says.
        return watch(process, proc);
    }
    const bool nobody_knows = process.adopted && host_says_ended;
    // One that hangs is replaced first: what it has not collected can be collected here then.
    const auto hanging = static_cast<int>(setup_.policy.watchdog / exit_patience);
    if (nobody_knows || ++process.reminders > reminders_max + hanging) {
        return report_exit(process, proc, ExitStatus::unknown());
    }
    if (!host_says_ended && current_ && !process.recovering) {
        const PlainCall call{process.instance->id, proc, 0, 0};
        submit({process.instance, 0, OpType::plain, FrameType::inspect, proc},
               encode(FrameType::inspect, 0, call));
        current_->ask_for_life();
    }
    remind(proc);
}

void RemotePlugin::report_exit(Process& process, sysp_proc proc, const ExitStatus& status) {
    process.ended = true;
    stop_watching(process);
    ExitStatus told = status;
    told.oom_killed = told.oom_killed || process.oom_killed;
    told.memory_peak_bytes = std::max(told.memory_peak_bytes, process.memory_peak_bytes);
    core_.process_exited(*process.instance->instance, proc, told);
}

// All have the same patience: the timer that is under way is that of the oldest one.
void RemotePlugin::mind_signals(Instant since) {
    if (signal_timer_ != 0) return;
    const Instant due = since + setup_.policy.signal_patience();
    signal_timer_ = core_.loop().start_timer(due, [this] {
        signal_timer_ = 0;
        signal_for_a_silent_host();
    });
}

// A daemon that is asked to end has only its stop_timeout for that: it is not to wait until the
// watchdog has the process of its driver replaced, or until a fresh one has taken it over. Should
// that process come to itself, the signal arrives twice, which does less harm than not at all.
void RemotePlugin::signal_for_a_silent_host() {
    const Instant now = core_.clock().now().mono;
    std::vector<Operation> done;
    std::optional<Instant> oldest;  // Of those that have patience left.
    for (auto at = operations_.begin(); at != operations_.end();) {
        const auto here = at++;
        const Operation& operation = here->second;
        if (!operation.signal || operation.kill) continue;
        HostConnection* const host = operation.sent_to;
        if (host != nullptr && !host->silent_since(operation.since)) continue;
        if (now - operation.since < setup_.policy.signal_patience()) {
            oldest = std::min(oldest.value_or(operation.since), operation.since);
        } else if (signal_from_here(operation.proc, operation.signal->number)) {
            if (host != nullptr) host->doubt();
            done.push_back(std::move(here->second));
            operations_.erase(here);
        }
    }
    if (oldest) mind_signals(*oldest);
    if (done.empty()) return;
    log::warn("plugin " + setup_.info.id + ": its process is silent; the manager signals " +
              std::to_string(done.size()) + " of its daemons itself");
    for (const Operation& operation : done) answer(operation, {});
}

bool RemotePlugin::kill_outstanding(sysp_proc proc) const {
    return std::any_of(operations_.begin(), operations_.end(), [proc](const auto& entry) {
        return entry.second.proc == proc && entry.second.kill;
    });
}

void RemotePlugin::release(RemoteInstance& instance, sysp_proc proc) {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) return;
    if (found->second.up) {
        released_[++last_wire_] = {instance.id, found->second.recovery, kill_outstanding(proc),
                                   current_.get()};
    }
    const Wire name = found->second.up ? last_wire_ : 0;
    forget(proc);
    std::erase_if(operations_, [proc](const auto& entry) {
        return entry.second.proc == proc && entry.second.sent_to == nullptr;
    });
    for (HostConnection* const host : {current_.get(), retiring_.get()}) {
        if (host == nullptr) continue;
        host->send(encode(FrameType::release, 0, PlainCall{instance.id, proc, 0, 0}));
    }
    if (name != 0 && current_) current_->send(FrameWriter(FrameType::ping, name).take());
}

void RemotePlugin::tell_released() {
    for (auto& [name, released] : released_) {
        if (released.told == nullptr) tell_released(name, released);
    }
}

// A host that never heard of the process looks for it first: then it finds what is left of it.
void RemotePlugin::tell_released(Wire name, Released& released) {
    const auto instance = instances_.find(released.instance);
    if (instance == instances_.end()) return;
    RemoteInstance* const owner = instance->second.get();
    const sysp_proc proc = released.recovery.proc;
    released.told = current_.get();
    submit({owner, 0, OpType::spawn, FrameType::recover, proc},
           encode(FrameType::recover, 0, released.recovery));
    if (released.kill) {
        const PlainCall kill{owner->id, proc, SYSP_SIG_KILL, kill_number};
        submit({owner, 0, OpType::plain, FrameType::signal, proc},
               encode(FrameType::signal, 0, kill));
    }
    current_->send(encode(FrameType::release, 0, PlainCall{owner->id, proc, 0, 0}));
    current_->send(FrameWriter(FrameType::ping, name).take());
}

bool RemotePlugin::owns_pid(std::int64_t pid) const {
    for (const auto* host : {current_.get(), next_.get(), retiring_.get()}) {
        if (host != nullptr && host->pid() == pid) return true;
    }
    return false;
}

}  // namespace syspulse::plugin_host
