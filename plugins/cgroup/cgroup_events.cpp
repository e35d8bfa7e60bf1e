// How runs of the driver `cgroup` end, freeze and thaw: what follows from pidfds and cgroup.events.
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cgroup/cgroup_driver.hpp"
#include "cgroup/control_file.hpp"

namespace syspulse::plugins::cgroup {
namespace {

using namespace std::chrono_literals;

// Steps of looking again where the kernel has no event to offer: version 1 hierarchies, kernels
// without cgroup.kill, and the moment until a foreign parent has reaped a recovered process.
constexpr auto look_again = 10ms;
constexpr auto status_patience = 2000ms;
// A process in an uninterruptible sleep cannot be killed; the exit is not held up for ever. A large
// tree only takes its time: this is how long it may stay as large as it is.
constexpr auto empty_patience = 5000ms;
constexpr auto freeze_patience = 2000ms;

}  // namespace

void CgroupDriver::on_leader(sysp_proc proc) {
    Run& run = find(proc);
    ExitInfo info;
    const ChildState state = peek_child(run.pidfd.get(), info);
    if (state == ChildState::running) return;
    run.watch.reset();
    std::optional<ExitInfo> known;
    if (state == ChildState::exited) known = info;
    if (!known) known = query_exit(run.pidfd.get());
    if (known) {
        return leader_ended(proc, known->by_signal ? SYSP_EXIT_SIGNAL : SYSP_EXIT_CODE,
                            known->value);
    }
    // Somebody else's child: the status appears when its parent has reaped it, if at all.
    const auto stat = read_process_stat(run.pid);
    const bool zombie = stat && stat->state == 'Z';
    if (!zombie || run.waited >= status_patience) return leader_ended(proc, SYSP_EXIT_LOST, 0);
    run.waited += look_again;
    run.timer = io_.timer(look_again, [this, proc] { on_leader(proc); });
}

void CgroupDriver::leader_ended(sysp_proc proc, std::int32_t kind, std::int32_t value) {
    Run& run = find(proc);
    run.leader_gone = true;
    run.exit_kind = kind;
    run.exit_value = value;
    run.waited = 0ms;
    if (run.freezing) {
        run.freezing->failed({SYSP_E_NOT_FOUND, "the process ended while it was being frozen"});
        run.freezing.reset();
    }
    await_empty(proc);
}

void CgroupDriver::await_empty(sysp_proc proc) {
    Run& run = find(proc);
    if (run.ended) return;
    if (!run.group.populated()) return finish(proc);
    const bool final = run.group.kill();
    watch_events(proc, run);
    if (!run.group.populated()) return finish(proc);
    const std::size_t left = run.group.processes().size();
    if (left < run.left) run.waited = 0ms;
    run.left = left;
    if (run.waited >= empty_patience) {
        log(SYSP_LOG_WARN,
            "processes in the cgroup " + run.group.tracking() +
                " do not end although they were killed; they may hang in the kernel");
        return finish(proc);
    }
    const bool event_will_come = final && run.events >= 0;
    const auto step = event_will_come ? empty_patience : look_again;
    run.waited += step;
    run.timer = io_.timer(step, [this, proc] { await_empty(proc); });
}

void CgroupDriver::finish(sysp_proc proc) {
    Run& run = find(proc);
    run.ended = true;
    run.timer.reset();
    run.watch.reset();
    unwatch_events(run);
    if (run.released) {
        if (run.pidfd) reap_child(run.pidfd.get());
        remove(run.group);
        runs_.erase(proc);
        return;
    }
    const bool failed =
        run.exit_kind == SYSP_EXIT_SIGNAL ? run.exit_value == SIGKILL : run.exit_value != 0;
    const bool for_memory = failed && !run.killed && run.group.out_of_memory();
    const std::uint64_t peak = run.group.memory_peak();
    remove(run.group);
    exits()->exited(proc, run.exit_kind, run.exit_value,
                    for_memory ? std::uint32_t{SYSP_EXITF_OOM} : 0, peak);
}

void CgroupDriver::kill_group(Run& run) {
    run.killed = true;
    (void)run.group.kill();
    // Also when somebody moved the leader out of its cgroup.
    if (run.pidfd && !run.leader_gone) (void)signal_pidfd(run.pidfd.get(), SIGKILL);
}

// --- freezing

void CgroupDriver::freeze(sysp_proc proc, sdk::Answer&& answer) {
    Run& run = find(proc);
    if (run.leader_gone) throw sdk::Error{SYSP_E_NOT_FOUND, "the process is gone"};
    if (run.freezing) throw sdk::Error{SYSP_E_BUSY, "the process is being frozen already"};
    if (!run.group.can_freeze()) {
        throw sdk::Error{SYSP_E_UNSUPPORTED,
                         "cannot pause: that needs cgroup version 2 of Linux 5.2 or later, or the "
                         "controller freezer of version 1"};
    }
    if (const int error = run.group.freeze(true); error != 0)
        throw sdk::Error::os("cannot freeze the cgroup " + run.group.tracking(), error);
    run.freezing.emplace(std::move(answer));
    run.waited = std::chrono::milliseconds{0};
    watch_events(proc, run);
    await_frozen(proc);
}

void CgroupDriver::await_frozen(sysp_proc proc) {
    Run& run = find(proc);
    if (!run.freezing) return;
    if (run.group.is_frozen()) {
        run.timer.reset();
        unwatch_events(run);
        run.freezing->done();
        run.freezing.reset();
        return;
    }
    if (run.waited >= freeze_patience) {
        (void)run.group.freeze(false);
        unwatch_events(run);
        run.freezing->failed({SYSP_E_TIMEOUT, "cannot freeze the cgroup " + run.group.tracking() +
                                                  ": a process in it does not stop"});
        run.freezing.reset();
        return;
    }
    // On version 1 writing again makes the kernel try again.
    if (!run.group.unified()) (void)run.group.freeze(true);
    const auto step = run.events >= 0 ? freeze_patience : look_again;
    run.waited += step;
    run.timer = io_.timer(step, [this, proc] { await_frozen(proc); });
}

void CgroupDriver::thaw(sysp_proc proc, sdk::Answer&& answer) {
    Run& run = find(proc);
    if (run.freezing) {
        run.timer.reset();
        run.freezing->failed({SYSP_E_CANCELLED, "it was resumed meanwhile"});
        run.freezing.reset();
    }
    const int error = run.group.freeze(false);
    if (error != 0 && error != ENOENT)
        throw sdk::Error::os("cannot thaw the cgroup " + run.group.tracking(), error);
    answer.done();
}

// --- cgroup.events

// Without events there is looking again.
bool CgroupDriver::listen() {
    UniqueFd inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    if (!inotify) return false;
    try {
        inotify_watch_ =
            io_.watch(inotify.get(), SYSP_IO_READ, [this](std::uint32_t) { on_events(); });
    } catch (const sdk::Error&) {
        return false;
    }
    inotify_ = std::move(inotify);
    return true;
}

// One inotify descriptor serves all runs; each is watched only while something is expected.
void CgroupDriver::watch_events(sysp_proc proc, Run& run) {
    if (run.events >= 0 || !run.group.unified()) return;
    if (!inotify_ && !listen()) return;
    run.events = ::inotify_add_watch(inotify_.get(),
                                     (run.group.tracking() + "/cgroup.events").c_str(), IN_MODIFY);
    if (run.events >= 0) events_[run.events] = proc;
}

void CgroupDriver::unwatch_events(Run& run) {
    if (run.events < 0) return;
    events_.erase(run.events);
    (void)::inotify_rm_watch(inotify_.get(), run.events);
    run.events = -1;
}

void CgroupDriver::on_events() {
    alignas(inotify_event) std::array<char, 4096> buffer;
    const ssize_t count = ::read(inotify_.get(), buffer.data(), buffer.size());
    for (ssize_t at = 0; at < count;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        at += static_cast<ssize_t>(sizeof event + event.len);
        const auto found = events_.find(event.wd);
        if (found != events_.end() && (event.mask & IN_MODIFY) != 0) on_event(found->second);
    }
}

void CgroupDriver::on_event(sysp_proc proc) {
    const Run& run = find(proc);
    if (run.leader_gone) {
        if (!run.group.populated()) finish(proc);
    } else if (run.freezing) {
        if (run.group.is_frozen()) await_frozen(proc);
    }
}

}  // namespace syspulse::plugins::cgroup
