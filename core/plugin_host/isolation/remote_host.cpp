// The life of an isolated plugin's process: start, loss, back-off, replacement.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "platform/file_trust.hpp"
#include "plugin_host/isolation/descriptor_text.hpp"
#include "plugin_host/isolation/protocol.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"
#include "plugin_host/plugin_text.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr unsigned doublings_max = 16;
// At most, while something waits that cannot wait for long.
constexpr Duration awaited_backoff = std::chrono::seconds{1};

}  // namespace

HostStatus RemotePlugin::status() const {
    HostStatus status = status_;
    status.pid = current_ ? current_->pid() : 0;
    status.culprits = quarantine_.culprits();
    for (const auto* host : {current_.get(), next_.get(), retiring_.get(), apart_.get()}) {
        if (host != nullptr) status.misbehaviour += host->misbehaviour;
    }
    return status;
}

std::string RemotePlugin::trouble() const {
    if (current_ && current_->ready()) return "";
    if (status_.last_error.empty()) return "";
    return "its process is being started again (" + status_.last_error + ")";
}

bool RemotePlugin::file_changed() const {
    return platform::file_stamp(setup_.file) != running_stamp_;
}

bool RemotePlugin::has_untried_file() const {
    return platform::file_stamp(setup_.file) != file_stamp_;
}

Result<std::unique_ptr<HostConnection>> RemotePlugin::connect() {
    const auto trusted = platform::trusted_file(setup_.file);
    if (!trusted) return trusted.error();
    file_stamp_ = platform::file_stamp(*trusted);
    // The events need to know which connection they come from, which exists only after open().
    const auto self = std::make_shared<HostConnection*>(nullptr);
    auto opened =
        HostConnection::open(core_.loop(), core_.clock(), setup_.program, *trusted, setup_.policy,
                             {[this, self](Frame frame) { received(**self, std::move(frame)); },
                              [this, self](const Error& error) { lost(*self, error); }});
    if (opened) *self = opened->get();
    return opened;
}

void RemotePlugin::start() {
    if (current_) return;
    came_up_ = false;
    auto opened = connect();
    if (!opened) return schedule_restart(opened.error());
    current_ = std::move(*opened);
    started_ = core_.clock().now().mono;
    status_.state = HostStatus::State::running;
    populate();
}

// Gives a fresh process what there is: instances first, then the daemons, also those that have
// ended and are not released yet, then what waits.
void RemotePlugin::populate() {
    for (const auto& [id, instance] : instances_) {
        current_->send(encode(FrameType::create, 0, instance->call));
    }
    std::vector<sysp_proc> known;
    for (auto& [proc, process] : processes_) {
        if (!process.up) continue;
        process.recovering = true;
        known.push_back(proc);
    }
    for (const sysp_proc proc : known) {
        Process& process = processes_.at(proc);
        submit({process.instance, 0, OpType::spawn, FrameType::recover, proc},
               encode(FrameType::recover, 0, process.recovery));
    }
    tell_released();
    flush();
}

void RemotePlugin::received(HostConnection& from, Frame frame) {
    const int type = static_cast<int>(frame.type);
    if (!take(from, frame)) {
        from.kill({ErrorCode::corrupt,
                   "it sent a frame of type " + std::to_string(type) + " that makes no sense"});
    }
}

bool RemotePlugin::take(HostConnection& from, Frame& frame) {
    switch (frame.type) {
        case FrameType::hello: {
            const auto hello = decode<HelloMessage>(frame.body);
            if (!hello) return false;
            if (const auto fits = greet(from, *hello); !fits) {
                refuse(from, fits.error());
            } else if (&from == next_.get()) {
                advance_reload();
            }
            return true;
        }
        case FrameType::failed: {
            const auto failed = decode<FailedMessage>(frame.body);
            if (!failed) return false;
            const std::string what = &from == next_.get() ? "it" : setup_.file.string();
            refuse(from, {ErrorCode::unavailable,
                          what + " cannot be loaded: " + safe_message(failed->message)});
            return true;
        }
        case FrameType::created: {
            const auto created = decode<CreatedMessage>(frame.body);
            if (!created) return false;
            const auto found = instances_.find(created->instance);
            if (found == instances_.end()) return created->instance <= last_instance_;
            if (&from == apart_.get()) return true;
            found->second->known = true;
            found->second->extensions = created->extensions;
            return true;
        }
        case FrameType::done: {
            auto done = decode<DoneMessage>(frame.body);
            if (!done || !expected(from, frame.id, *done)) return false;
            ended(from, frame.id, std::move(*done), std::move(frame.handles));
            return true;
        }
        case FrameType::exited: {
            const auto ended = decode<ExitedMessage>(frame.body);
            if (!ended) return false;
            exited(ended->proc, ended->status);
            return true;
        }
        case FrameType::misbehaved: {
            const auto told = decode<MisbehavedMessage>(frame.body);
            if (!told) return false;
            from.misbehaviour = told->counts;
            return true;
        }
        case FrameType::create:
        case FrameType::destroy:
        case FrameType::check:
        case FrameType::spawn:
        case FrameType::recover:
        case FrameType::signal:
        case FrameType::inspect:
        case FrameType::stats:
        case FrameType::release:
        case FrameType::cancel:
        case FrameType::extension:
        case FrameType::ping:
        case FrameType::goodbye:
        case FrameType::try_spawn:
            return false;
        case FrameType::pong:
            released_.erase(frame.id);
            if (&from == apart_.get()) outlived(frame.id);
            return frame.id <= last_wire_;
    }
    return false;
}

// Whether this may be the end of that operation: asked of this process, and with what such an
// operation gives.
bool RemotePlugin::expected(const HostConnection& from, Wire wire, const DoneMessage& done) const {
    if (wire == 0 || wire > last_wire_) return false;
    const auto found = operations_.find(wire);
    if (found == operations_.end()) return true;  // Its instance was destroyed meanwhile.
    if (found->second.sent_to != &from) return false;
    if (done.error) return true;
    switch (found->second.type) {
        case OpType::plain:
            return std::holds_alternative<std::monostate>(done.payload);
        case OpType::check:
            return std::holds_alternative<platform::CheckReport>(done.payload);
        case OpType::spawn:
            return std::holds_alternative<platform::SpawnedProcess>(done.payload);
        case OpType::stats:
            return std::holds_alternative<platform::ProcessStats>(done.payload);
    }
    return false;
}

void RemotePlugin::ended(const HostConnection& from, Wire wire, DoneMessage done,
                         std::vector<platform::OwnedHandle> handles) {
    if (&from == apart_.get()) return finished_apart(wire, std::move(done));
    finish(wire, std::move(done), std::move(handles));
    advance_reload();
}

// Whether a fresh process can stand in for the plugin that was scanned.
Result<void> RemotePlugin::greet(const HostConnection& from, const HelloMessage& hello) {
    if (hello.protocol != isolation_protocol) {
        return Error{ErrorCode::unsupported, "it speaks another protocol"};
    }
    const auto info = parse_descriptor(hello.descriptor, setup_.schema_check);
    if (!info) return info.error();
    if (info->id != setup_.info.id) {
        return Error{ErrorCode::invalid_argument, "its file is plugin " + info->id + " now"};
    }
    for (const KindInfo& kind : setup_.info.kinds) {
        const bool there =
            std::any_of(info->kinds.begin(), info->kinds.end(), [&](const KindInfo& other) {
                return other.type == kind.type && other.name == kind.name;
            });
        if (!there) {
            return Error{ErrorCode::invalid_argument, "its file has no \"" + kind.name + "\" now"};
        }
    }
    if (&from == apart_.get()) return {};
    const bool reloaded = &from == next_.get();
    if (reloaded && !reload_forced_ && setup_.suits) {
        if (auto suits = setup_.suits(*info); !suits) {
            file_stamp_ = running_stamp_;  // It may suit them later.
            return suits;
        }
    }
    if (reloaded) {
        successor_ = *info;
        return {};
    }
    came_up_ = true;
    const bool other_file = running_stamp_ != file_stamp_;
    running_stamp_ = file_stamp_;
    if (setup_.started) setup_.started(*info, {false, other_file});
    return {};
}

void RemotePlugin::refuse(HostConnection& from, const Error& error) {
    if (&from == next_.get()) refusal_ = error;
    from.kill(error);
}

void RemotePlugin::lost(HostConnection* which, const Error& error) {
    status_.misbehaviour += which->misbehaviour;
    if (which == apart_.get()) return lost_apart(error);
    for (auto& [name, released] : released_) {
        if (released.told == which) released.told = nullptr;
    }
    const std::string suspects = drop_operations(which, error);
    if (which == next_.get()) {
        next_.reset();
        successor_.reset();
        const auto refusal = std::exchange(refusal_, std::nullopt);
        return finish_reload(refusal ? *refusal : error.with("the new process was lost"));
    }
    if (which == retiring_.get()) {
        retiring_.reset();
        if (retire_timer_ != 0) core_.loop().cancel_timer(std::exchange(retire_timer_, 0));
        if (current_) tell_released();
        return advance_reload();
    }
    current_.reset();
    const Error told{error.code, error.message + suspects};
    log::warn("plugin " + setup_.info.id + ": its process was lost: " + told.message);
    for (auto& [id, instance] : instances_) instance->known = false;
    std::vector<sysp_proc> live;
    for (auto& [proc, process] : processes_) {
        process.recovering = false;
        process.inherited = true;
        if (process.up && !process.ended) live.push_back(proc);
        // Its end is known, but nobody could collect it as long as it was another's child.
        if (process.ended && process.handle) platform::collect_exit(process.handle.get());
    }
    // The children of the process are ours now.
    for (const sysp_proc proc : live) look_again(proc, false);
    if (next_ && next_->ready() && !next_->doomed()) return advance_reload();
    schedule_restart(told);
    advance_quarantine();
}

// Gives the names of the checks that were under way, for the end of a sentence.
std::string RemotePlugin::drop_operations(const HostConnection* which, const Error& error) {
    const Error lost{ErrorCode::unavailable, "the plugin's process was lost: " + error.message};
    // What ends before it was heard of was not ended by a check.
    const bool made_checks = which == current_.get() && which->ready();
    std::vector<std::string> suspects;
    for (auto at = operations_.begin(); at != operations_.end();) {
        Operation& operation = at->second;
        const auto here = at++;
        if (operation.sent_to != which) continue;
        operation.sent_to = nullptr;
        if (operation.check && made_checks) {
            suspects.push_back(operation.check->unit);
            if (suspect(here->first, operation)) continue;
        }
        const bool again = operation.op != 0 &&
                           (operation.type == OpType::spawn || operation.signal) &&
                           ++operation.losses <= losses_max;
        const auto process = processes_.find(operation.proc);
        if (!again || process == processes_.end()) {
            const Operation dropped = std::move(operation);
            operations_.erase(here);
            give_up(dropped, lost);
            continue;
        }
        // A start may have succeeded before the loss; a fresh process finds out by the run's id.
        if (operation.type == OpType::spawn) {
            if (operation.call == FrameType::spawn) operation.lost_in_start = error.message;
            operation.call = FrameType::recover;
            operation.frame = encode(FrameType::recover, 0, process->second.recovery);
            continue;
        }
        // Whether the signal arrived, nobody knows: twice does less harm than not at all.
        operation.frame = encode(FrameType::signal, 0, *operation.signal);
        if (!signal_from_here(operation.proc, operation.signal->number) || operation.kill) continue;
        const Operation done = std::move(operation);
        operations_.erase(here);
        answer(done, {});
    }
    return while_checking(std::move(suspects));
}

void RemotePlugin::schedule_restart(const Error& error) {
    const auto [now, wall] = core_.clock().now();
    if (now - started_ >= setup_.policy.reset_after) failures_ = 0;
    ++status_.restarts;
    status_.last_error = error.message;
    status_.last_error_at = wall;
    const auto& limit = setup_.policy.max_retries;
    if (limit && failures_ >= *limit) {
        status_.state = HostStatus::State::failed;
        log::error("plugin " + setup_.info.id + ": its process was lost " +
                   std::to_string(failures_ + 1) + " times in a row and is not started again");
        const auto waiting = std::exchange(operations_, {});
        for (const auto& [wire, operation] : waiting) give_up(operation, error);
        return;
    }
    const Duration delay =
        std::min(setup_.policy.backoff_base * (1U << std::min(failures_, doublings_max)),
                 setup_.policy.backoff_max);
    ++failures_;
    status_.state = HostStatus::State::waiting;
    lost_at_ = now;
    plan_restart(now + delay);
    const bool awaited = std::any_of(operations_.begin(), operations_.end(), [](const auto& entry) {
        return cannot_outwait(entry.second);
    });
    if (awaited) hasten_restart();
}

void RemotePlugin::plan_restart(Instant when) {
    restart_at_ = when;
    restart_timer_ = core_.loop().start_timer(when, [this] {
        restart_timer_ = 0;
        start();
    });
}

// The back-off may be longer than what somebody waits for: a start or a request to end, which would
// fail though nothing stands in its way. The pause after a loss is kept all the same, so that a
// start that ends the process does not have one follow the other, and so is the back-off of one
// that did not come up: the next one of the same file hardly will.
void RemotePlugin::hasten_restart() {
    const Instant soonest = std::max(core_.clock().now().mono, lost_at_ + awaited_backoff);
    if (restart_timer_ == 0 || !came_up_ || restart_at_ <= soonest) return;
    core_.loop().cancel_timer(restart_timer_);
    plan_restart(soonest);
}

// Checks and questions come again by themselves.
bool RemotePlugin::cannot_outwait(const Operation& operation) {
    if (operation.op == 0) return false;
    return operation.type == OpType::spawn || (operation.signal && !operation.leader_killed);
}

}  // namespace syspulse::plugin_host
