// Checks that are made apart from the others, in a second process of the plugin, because its
// process was lost while it made them.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"

namespace syspulse::plugin_host {
namespace {

// A process that had nothing to do for so long is ended.
constexpr Duration idle_limit = std::chrono::seconds{30};
constexpr unsigned apart_doublings_max = 16;

std::string subject_of(const RemoteInstance& instance, const CheckCall& check) {
    std::string subject = check.unit;
    for (const std::string* const part :
         {&instance.call.kind, &check.target, &instance.call.config}) {
        subject.append(1, '\0').append(*part);
    }
    return subject;
}

Error lost_with(const std::string& how) {
    return {ErrorCode::unavailable, "the plugin's process was lost while it checked this: " + how};
}

}  // namespace

// False if nobody waits for its end any more.
bool RemotePlugin::suspect(Wire wire, Operation& operation) {
    const std::string subject = subject_of(*operation.instance, *operation.check);
    operation.instance->subject = subject;
    quarantine_.suspect(subject, operation.check->unit);
    if (!core_.waiting(operation.op)) return false;
    ++operation.losses;
    operation.apart = true;
    quarantine_.join(wire, subject);
    return true;
}

// False for a check that may be made together with the others.
bool RemotePlugin::check_apart(Operation& operation) {
    if (quarantine_.empty() || status_.state == HostStatus::State::failed) return false;
    RemoteInstance& instance = *operation.instance;
    std::string subject = subject_of(instance, *operation.check);
    if (!quarantine_.holds(subject)) return false;
    quarantine_.seen(subject);
    instance.subject = subject;
    const Instant now = core_.clock().now().mono;
    if (const auto error = quarantine_.paused(subject, now)) {
        fail(operation, lost_with(*error));
    } else if (!apart_ && now < apart_not_before_) {
        fail(operation, apart_error_);
    } else {
        const Wire wire = ++last_wire_;
        instance.check = wire;
        operation.apart = true;
        operations_.emplace(wire, std::move(operation));
        quarantine_.join(wire, subject);
        advance_quarantine();
    }
    return true;
}

// Begins what may begin now.
void RemotePlugin::advance_quarantine() {
    if (status_.state == HostStatus::State::failed) quarantine_.give_up();
    if (quarantine_.idle()) return;
    if (apart_leaving_ || (!apart_ && !open_apart())) return;
    while (const auto wire = quarantine_.next()) {
        const auto found = operations_.find(*wire);
        if (found == operations_.end()) {
            quarantine_.withdrawn(*wire);
            continue;
        }
        // The process is used: it is only ended after a whole pause in which it is not.
        if (apart_idle_timer_ != 0) core_.loop().cancel_timer(std::exchange(apart_idle_timer_, 0));
        Operation& operation = found->second;
        operation.sent_to = apart_.get();
        apart_->send(encode(FrameType::create, 0, operation.instance->call));
        apart_->send(encode(FrameType::check, *wire, *operation.check));
    }
    await_idle_limit();  // Perhaps nobody waited any more for what was to begin.
}

bool RemotePlugin::open_apart() {
    const std::uint64_t stamp = file_stamp_;
    auto opened = connect();
    file_stamp_ = stamp;  // What was tried last is a matter of the process that all share.
    if (!opened) {
        no_process_apart(opened.error());
        return false;
    }
    apart_ = std::move(*opened);
    return true;
}

void RemotePlugin::finished_apart(Wire wire, DoneMessage message) {
    if (const auto found = operations_.find(wire); found != operations_.end()) {
        const std::uint32_t instance = found->second.instance->id;
        finish(wire, std::move(message), {});
        apart_->send(encode(FrameType::destroy, 0, PlainCall{instance, 0, 0, 0}));
    }
    quarantine_.came_through(wire);
    advance_quarantine();
    await_idle_limit();
}

// Ends the process when it has had nothing to do for long.
void RemotePlugin::await_idle_limit() {
    if (!quarantine_.idle() || apart_idle_timer_ != 0) return;
    const Instant limit = core_.clock().now().mono + idle_limit;
    apart_idle_timer_ = core_.loop().start_timer(limit, [this] {
        apart_idle_timer_ = 0;
        quarantine_.prune();
        if (!quarantine_.idle() || !apart_ || apart_leaving_) return;
        apart_leaving_ = true;
        apart_->say_goodbye();
    });
}

// Nobody waits for it, but as long as the process may be hanging in it, nothing else is sent there.
void RemotePlugin::probe_apart(Wire wire) {
    apart_->send(FrameWriter(FrameType::ping, wire).take());
}

// The process has answered after a check that was given up.
void RemotePlugin::outlived(Wire wire) {
    if (!quarantine_.under_way(wire)) return;
    finished_apart(wire, {OpType::check, Error{ErrorCode::timed_out, "it did not answer"}, {}});
}

void RemotePlugin::lost_apart(const Error& error) {
    const bool leaving = std::exchange(apart_leaving_, false);
    const bool ready = apart_->ready();
    apart_.reset();
    if (leaving) {
        for (const Wire wire : quarantine_.give_up()) check_again(wire);
        return advance_quarantine();
    }
    if (!ready) return no_process_apart(error);
    apart_failures_ = 0;
    quarantine_.prune();
    const auto loss = quarantine_.lost(error.message, core_.clock().now().mono);
    tell_loss(loss);
    for (auto wire = loss.tickets.rbegin(); wire != loss.tickets.rend(); ++wire) {
        const auto found = operations_.find(*wire);
        if (found == operations_.end()) continue;
        Operation& operation = found->second;
        if (!loss.culprit && core_.waiting(operation.op)) {
            ++operation.losses;
            operation.sent_to = nullptr;
            const std::string subject = subject_of(*operation.instance, *operation.check);
            quarantine_.suspect(subject, operation.check->unit);
            quarantine_.join_first(*wire, subject);
            continue;
        }
        const Operation dropped = std::move(operation);
        operations_.erase(found);
        fail(dropped, lost_with(error.message));
    }
    advance_quarantine();
}

void RemotePlugin::tell_loss(const Quarantine::Loss& loss) {
    const std::string plugin = "plugin " + setup_.info.id + ": ";
    if (!loss.culprit) {
        return log::info(plugin + "one of " + std::to_string(loss.tickets.size()) +
                         " checks ended its process; they are made one by one");
    }
    const std::string which = plugin + "the check of \"" + loss.culprit->daemon +
                              "\" ends its process: " + loss.culprit->error;
    if (!loss.first) return log::debug(which);
    log::warn(which + "; it is made apart from all others from now on");
}

// It could not be started, or was lost before any check: that is nobody's fault.
void RemotePlugin::no_process_apart(const Error& error) {
    const IsolationPolicy& policy = setup_.policy;
    const Duration pause =
        std::min(policy.backoff_base * (1U << std::min(apart_failures_, apart_doublings_max)),
                 policy.backoff_max);
    ++apart_failures_;
    apart_not_before_ = core_.clock().now().mono + pause;
    apart_error_ = {ErrorCode::unavailable, "the plugin's process was lost: " + error.message};
    for (const Wire wire : quarantine_.give_up()) {
        const auto found = operations_.find(wire);
        if (found == operations_.end()) continue;
        const Operation dropped = std::move(found->second);
        operations_.erase(found);
        fail(dropped, apart_error_);
    }
}

// To where its check belongs now.
void RemotePlugin::check_again(Wire wire) {
    const auto found = operations_.find(wire);
    if (found == operations_.end()) return;
    Operation& operation = found->second;
    operation.sent_to = nullptr;
    ++operation.losses;
    const std::string subject = subject_of(*operation.instance, *operation.check);
    if (quarantine_.holds(subject)) return quarantine_.join(wire, subject);
    operation.apart = false;
    operation.frame = encode(FrameType::check, wire, *operation.check);
    if (must_wait(operation)) return;
    transmit(wire, operation, std::exchange(operation.frame, {}), {});
}

// The plugin has another file, which may be a better one.
void RemotePlugin::pardon() {
    quarantine_.pardon();
    if (apart_) {
        apart_leaving_ = true;
        return apart_->kill({ErrorCode::unavailable, "it was replaced"});
    }
    for (const Wire wire : quarantine_.give_up()) check_again(wire);
}

}  // namespace syspulse::plugin_host
