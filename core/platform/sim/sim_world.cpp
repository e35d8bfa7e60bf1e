#include "platform/sim/sim_world.hpp"

#include <algorithm>
#include <utility>

#include "base/signals.hpp"

namespace syspulse::platform::sim {
namespace {

constexpr Duration answer_slowest = std::chrono::seconds{1};
constexpr Duration life_shortest_scale = std::chrono::seconds{20};
constexpr Duration end_slowest = std::chrono::milliseconds{500};

}  // namespace

// --- loop

TimerId SimLoop::start_timer(Instant when, std::function<void()> due) {
    const TimerId id = ++last_timer_;
    if (lateness_ > Duration::zero())
        when += Duration{random_.below(1000) * (lateness_.count() / 1000)};
    due_of_[id] = when;
    timers_[{when, id}] = std::move(due);
    return id;
}

void SimLoop::cancel_timer(TimerId id) {
    const auto found = due_of_.find(id);
    if (found == due_of_.end()) return;
    timers_.erase({found->second, id});
    due_of_.erase(found);
}

bool SimLoop::step(Instant until) {
    if (!tasks_.empty()) {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
        return true;
    }
    if (timers_.empty() || timers_.begin()->first.first > until) return false;
    const auto first = timers_.begin();
    clock_.advance_to(first->first.first);
    const auto due = std::move(first->second);
    due_of_.erase(first->first.second);
    timers_.erase(first);
    due();
    return true;
}

std::size_t SimLoop::run_until(Instant until) {
    std::size_t ran = 0;
    while (step(until)) ++ran;
    clock_.advance_to(until);
    return ran;
}

void SimLoop::run() {
    stopped_ = false;
    while (!stopped_ && step(Instant::max())) {
    }
}

// --- world

Duration SimWorld::up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(static_cast<double>(most.count()) * random_.unit())};
}

void SimWorld::later(Duration delay, std::function<void()> task) {
    loop_.start_timer(clock_.now().mono + delay, std::move(task));
}

std::size_t SimWorld::live_count(const std::string& unit) const {
    return static_cast<std::size_t>(
        std::count_if(processes_.begin(), processes_.end(),
                      [&](const auto& p) { return p.second.alive && p.second.unit == unit; }));
}

bool SimWorld::frozen(const std::string& unit) const {
    return std::any_of(processes_.begin(), processes_.end(), [&](const auto& p) {
        return p.second.alive && p.second.frozen && p.second.unit == unit;
    });
}

std::optional<ExitStatus> SimWorld::exit_of(RunId run) const {
    const auto found = exits_.find(run);
    return found == exits_.end() ? std::nullopt : std::optional(found->second);
}

void SimWorld::spawn(const SpawnRequest& request) {
    if (on_spawn) on_spawn(request);
    const RunId run = request.run;
    const Duration delay =
        random_.chance(faults.spawn_is_slow) ? up_to(answer_slowest) : Duration::zero();
    if (random_.chance(faults.spawn_fails)) {
        later(delay, [this, run, epoch = epoch_] {
            if (epoch == epoch_ && process_observer_ != nullptr) {
                process_observer_->spawn_failed(run,
                                                {ErrorCode::internal, "cannot execute: simulated"});
            }
        });
        return;
    }
    SimProcess process{.run = run,
                       .unit = request.unit,
                       .driver = request.driver,
                       .pid = ++last_pid_,
                       .ignores_stop = random_.chance(faults.ignores_stop_signal)};
    processes_[run] = process;
    if (random_.chance(faults.exits_before_answer)) {
        // The runner's contract keeps the order: the exit is reported after the answer.
        processes_[run].alive = false;
        exits_[run] = ExitStatus::exited(1);
    }
    later(delay, [this, run, epoch = epoch_] {
        if (epoch != epoch_ || process_observer_ == nullptr) return;
        const SimProcess& p = processes_.at(run);
        process_observer_->spawned(run, {p.pid, "token-" + std::to_string(run.value)});
        if (!p.alive) report_exit(run, exits_.at(run));
    });
    live_on(run);
}

void SimWorld::live_on(RunId run) {
    if (!random_.chance(faults.exits_by_itself)) return;
    const ExitStatus status = random_.chance(0.3)   ? ExitStatus::exited(0)
                              : random_.chance(0.5) ? ExitStatus::exited(1)
                                                    : ExitStatus::signalled(11);
    later(answer_slowest + up_to(life_shortest_scale),
          [this, run, status] { exit_now(run, status); });
}

void SimWorld::exit_now(RunId run, ExitStatus status) {
    const auto found = processes_.find(run);
    if (found == processes_.end() || !found->second.alive) return;
    found->second.alive = false;
    exits_[run] = status;
    if (on_exit) on_exit(found->second);
    report_exit(run, status);
}

void SimWorld::report_exit(RunId run, ExitStatus status) {
    if (process_observer_ == nullptr) return;
    process_observer_->exited(run, status);
    if (random_.chance(faults.duplicate_exit)) process_observer_->exited(run, status);
}

// --- runners

void SimProcessRunner::recover(const RecoverRequest& request) {
    const RunId run = request.run;
    if (world_.on_recover) world_.on_recover(request);
    const bool fails = world_.random_.chance(world_.faults.recover_fails);
    world_.later(world_.up_to(end_slowest), [&w = world_, run, fails, driver = request.driver,
                                             epoch = world_.epoch_] {
        if (epoch != w.epoch_ || w.process_observer_ == nullptr) return;
        if (fails) {
            w.process_observer_->recover_failed(
                run, {ErrorCode::timed_out, "the simulated driver did not answer"});
            return;
        }
        const auto found = w.processes_.find(run);
        if (found == w.processes_.end() || !found->second.alive || found->second.driver != driver) {
            w.process_observer_->recover_failed(run,
                                                {ErrorCode::not_found, "no such process any more"});
            return;
        }
        w.process_observer_->spawned(
            run, {found->second.pid, "token-" + std::to_string(run.value), found->second.frozen});
    });
}

void SimProcessRunner::signal(RunId run, std::int32_t number, DoneHandler done) {
    if (world_.signals_fail && done) return done(*world_.signals_fail);
    const auto found = world_.processes_.find(run);
    const bool known = found != world_.processes_.end();
    const bool heeded = known && number != signal_number::go_on &&
                        (number == kill_number || !found->second.ignores_stop);
    if (heeded && found->second.frozen && number != kill_number) {
        found->second.pending_signal = number;
    } else if (heeded) {
        world_.later(world_.up_to(end_slowest), [&w = world_, run, number] {
            w.exit_now(run, number == kill_number ? ExitStatus::signalled(kill_number)
                                                  : ExitStatus::exited(0));
        });
    }
    if (done) done({});
}

void SimProcessRunner::kill_tree(RunId run, DoneHandler done) {
    signal(run, kill_number, std::move(done));
}

void SimProcessRunner::freeze(RunId run, DoneHandler done) {
    set_frozen(run, true, done);
}

void SimProcessRunner::thaw(RunId run, DoneHandler done) {
    set_frozen(run, false, done);
}

void SimProcessRunner::set_frozen(RunId run, bool frozen, const DoneHandler& done) {
    const auto found = world_.processes_.find(run);
    const bool alive = found != world_.processes_.end() && found->second.alive;
    if (alive) found->second.frozen = frozen;
    if (alive && !frozen && found->second.pending_signal != 0)
        signal(run, std::exchange(found->second.pending_signal, 0), {});
    if (!done) return;
    world_.later(world_.up_to(end_slowest), [done, alive, &w = world_, epoch = world_.epoch_] {
        if (epoch != w.epoch_) return;
        done(alive ? Result<void>() : Error{ErrorCode::not_found, "the run has no process"});
    });
}

void SimProcessRunner::inspect(RunId run) {
    const auto found = world_.exits_.find(run);
    if (found != world_.exits_.end()) world_.report_exit(run, found->second);
}

void SimProcessRunner::stats(RunId, StatsHandler done) {
    done(Error{ErrorCode::unsupported, "the simulator counts nothing"});
}

void SimProcessRunner::release(RunId run) {
    const auto found = world_.processes_.find(run);
    if (found == world_.processes_.end()) return;
    found->second.released = true;
}

void SimCheckRunner::start(const CheckRequest& request) {
    if (world_.random_.chance(world_.faults.checker_silent)) return;
    const Duration latency = world_.up_to(std::chrono::milliseconds{50});
    const bool passed = !world_.random_.chance(world_.faults.check_fails);
    const CheckId check = request.check;
    world_.later(latency, [&w = world_, check, passed, latency, epoch = world_.epoch_] {
        if (epoch != w.epoch_ || w.check_observer_ == nullptr) return;
        w.check_observer_->checked(
            check, {passed ? CheckReport::Outcome::passed : CheckReport::Outcome::failed,
                    passed ? "ok" : "simulated failure", latency});
    });
}

void SimCheckRunner::cancel(CheckId) {
    // A report that comes all the same is one that was under way; the manager must cope.
}

}  // namespace syspulse::platform::sim
