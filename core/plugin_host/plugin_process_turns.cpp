// The operations of one process take turns, each within its time; a kill goes first, and a request
// to end before measurements.
#include <functional>
#include <memory>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"
#include "plugin_host/plugin_process_runner.hpp"

namespace syspulse::plugin_host {
namespace {

// From now on `done` is called in a turn of the loop of its own.
template <class T>
void later(const std::shared_ptr<HostCore>& core, std::function<void(Result<T>)>& done) {
    if (!done) return;
    done = [core, done = std::move(done)](Result<T> result) {
        core->loop().post([done, result = std::move(result)] { done(result); });
    };
}

}  // namespace

Duration PluginProcessRunner::limit(const Driver& driver) const {
    const RemotePlugin* const remote = driver.kind->remote;
    return remote == nullptr ? deadline_ : remote->policy().operation_limit(deadline_);
}

void PluginProcessRunner::expired(sysp_op op) {
    const auto found = pending_.find(op);
    if (found == pending_.end() || !core_->waiting(op)) return;  // The answer waits in the inbox.
    core_->count_unanswered();
    const Driver& driver = *found->second.driver;
    const RemotePlugin* const remote = driver.kind->remote;
    const std::string trouble = remote == nullptr ? "" : remote->trouble();
    const std::string what = " did not answer within " + format_duration(limit(driver)) +
                             (trouble.empty() ? "" : ": " + trouble);
    log::warn("plugin " + *driver.instance->label + what);
    end_without_answer(op, Error{ErrorCode::timed_out, "driver " + driver.kind->info.name + what});
}

void PluginProcessRunner::end_without_answer(sysp_op op, std::optional<Error> why) {
    const auto node = pending_.extract(op);
    Pending pending = std::move(node.mapped());
    core_->loop().cancel_timer(pending.deadline);
    const Driver& driver = *pending.driver;
    // From here on a completion finds nobody, also one that cancel() brings about at once.
    core_->give_up(op);
    if (pending.purpose == Pending::Purpose::spawn ||
        pending.purpose == Pending::Purpose::recover) {
        abandoned_[pending.proc] = {pending.driver, pending.purpose};
    }
    if (const auto cancel = driver.kind->driver.cancel; cancel != nullptr) {
        static_cast<void>(core_->call(*driver.instance, "cancel", [&] {
            cancel(driver.instance->self, op);
            return sysp_status{SYSP_OK};
        }));
    }
    Completion answer;
    answer.op = op;
    answer.proc = pending.proc;
    answer.error = std::move(why);
    operation_ended(pending, answer);
}

void PluginProcessRunner::in_turn(RunId run, std::function<void()> begin, bool urgent) {
    const auto found = runs_.find(run);
    if (found == runs_.end() || found->second.busy == 0) return begin();
    auto& queue = queued_[run];
    if (!urgent) return queue.push_back(std::move(begin));
    queue.push_front(std::move(begin));
    make_way(found->second.busy, "the process is killed instead");
}

// People look at what does not answer before they stop it: the request to end waits for no driver
// that is slow to measure, as the daemon has only its stop_timeout for its end.
void PluginProcessRunner::before_measurements(RunId run, std::function<void()> begin) {
    const auto found = runs_.find(run);
    const auto pending = found == runs_.end() ? pending_.end() : pending_.find(found->second.busy);
    if (pending == pending_.end() || pending->second.purpose != Pending::Purpose::stats)
        return in_turn(run, std::move(begin), false);
    queued_[run].push_front(std::move(begin));
    make_way(found->second.busy, "the process is asked to end");
}

// A kill waits for no driver that is slow to measure or to signal. It does wait until it is known
// whether there is a process, and for the kill before it.
void PluginProcessRunner::make_way(sysp_op op, const char* why) {
    const auto found = pending_.find(op);
    if (found == pending_.end() || !core_->waiting(op)) return;  // The answer waits in the inbox.
    Pending& pending = found->second;
    const bool stays = pending.urgent || pending.purpose == Pending::Purpose::spawn ||
                       pending.purpose == Pending::Purpose::recover;
    if (stays) return;
    // Who waits is told from the loop, as always, and not from inside a call.
    if (auto* done = std::get_if<platform::DoneHandler>(&pending.handler); done != nullptr)
        later(core_, *done);
    if (auto* done = std::get_if<platform::StatsHandler>(&pending.handler); done != nullptr)
        later(core_, *done);
    if (reached_its_end(pending)) return end_without_answer(op, std::nullopt);
    end_without_answer(op, Error{ErrorCode::cancelled, why});
}

// An exit may be known before the driver answers for the signal that brought it about. A process
// that has ended can be told nothing more, so that nobody is told of a failure.
bool PluginProcessRunner::reached_its_end(const Pending& pending) const {
    return pending.purpose == Pending::Purpose::signal && core_->has_exited(pending.proc);
}

void PluginProcessRunner::next_in_turn(RunId run) {
    // What began may have ended without an operation, when its run was gone.
    for (bool under_way = false; !under_way;) {
        if (const auto found = runs_.find(run); found != runs_.end()) found->second.busy = 0;
        const auto queue = queued_.find(run);
        if (queue == queued_.end()) return;
        const auto begin = std::move(queue->second.front());
        queue->second.pop_front();
        if (queue->second.empty()) queued_.erase(queue);
        begin();
        const auto found = runs_.find(run);
        under_way = found != runs_.end() && found->second.busy != 0;
    }
}

// Whoever asks while a measurement waits for its turn shares it: behind a driver that hangs, each
// would otherwise wait a deadline longer than the one before.
void PluginProcessRunner::stats(RunId run, platform::StatsHandler done) {
    auto& sharing = to_measure_[run];
    sharing.push_back(std::move(done));
    if (sharing.size() > 1) return;
    const auto begin = [this, run] {
        auto node = to_measure_.extract(run);
        measure(run, [handlers = std::move(node.mapped())](
                         const Result<platform::ProcessStats>& measured) {
            for (const auto& handler : handlers) {
                if (handler) handler(measured);
            }
        });
    };
    in_turn(run, begin, false);
}

}  // namespace syspulse::plugin_host
