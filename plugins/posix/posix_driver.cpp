#include "posix/posix_driver.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>
#include <vector>

#include "common/pidfd.hpp"
#include "common/process_identity.hpp"
#include "common/process_search.hpp"
#include "common/spawn_plan.hpp"

namespace syspulse::plugins::posix {
namespace {

using namespace std::chrono_literals;

// How long the new parent of a recovered process is given to reap it, which is when the kernel
// publishes the exit status.
constexpr auto status_poll = 10ms;
constexpr auto status_patience = 2000ms;

// How many children may be on their way to exec before a start waits for an earlier one, which
// keeps a burst of starts from being a burst of processes; and how long it waits.
constexpr std::size_t starts_at_a_time = 3;
constexpr auto way_patience = 50ms;

// Nothing tells that a child has called exec, so it is looked for: soon, because most take 0.1 ms,
// and more and more seldom.
constexpr auto first_look = 50us;
constexpr auto last_look = 10ms;

// How long the end of a start that was given up, and those of all when the driver goes away, are
// waited for.
constexpr auto cancel_patience = 100ms;
constexpr auto end_patience = 1000ms;

// Each process costs one descriptor. The last ones are left to checks, clients and files, so that
// what runs already goes on undisturbed.
void refuse_when_full(std::size_t processes) {
    constexpr std::size_t kept_free = 128;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || processes + kept_free < limit.rlim_cur) return;
    throw sdk::Error{
        SYSP_E_OS,
        "cannot start: " + std::to_string(processes) +
            " processes run already, each takes a descriptor, and no more "
            "than " +
            std::to_string(limit.rlim_cur) + " may be open, of which " + std::to_string(kept_free) +
            " are kept for checks, clients and files; raise the hard limit (ulimit -Hn, or "
            "LimitNOFILE= of the manager's systemd unit)"};
}

sdk::Error in_doubt() {
    return {SYSP_E_BUSY, "some process is about to start a program, and may be the one"};
}

sdk::Error not_found() {
    return {SYSP_E_NOT_FOUND, "the process is gone"};
}

// Throws when the child, who runs as `uid`, would not be bound by one.
std::vector<Limit> to_limits(const sysp_limits& limits, uid_t uid) {
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0 && uid == 0) {
        throw sdk::Error{SYSP_E_CONFIG,
                         "cannot enforce max_processes: the system does not bind root by it; give "
                         "the daemon a user, or driver: cgroup (stage limits)"};
    }
    std::vector<Limit> result;
    if ((limits.valid & SYSP_LIMIT_MEMORY) != 0) result.push_back({RLIMIT_AS, limits.memory_bytes});
    if ((limits.valid & SYSP_LIMIT_OPEN_FILES) != 0) {
        result.push_back({RLIMIT_NOFILE, limits.open_files});
    }
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0)
        result.push_back({RLIMIT_NPROC, limits.processes});
    return result;
}

}  // namespace

// The child reads what is in here until it has called exec.
struct PosixDriver::Start {
    Start(sdk::SpawnRequest wanted, Accounts& accounts)
        : request(std::move(wanted)),
          ready(request, accounts),
          limits(to_limits(request.limits, ready.uid())),
          launch(limited(ready.plan(), limits)) {}

    static const ChildPlan& limited(ChildPlan& plan, const std::vector<Limit>& limits) {
        plan.limits = limits.data();
        plan.limit_count = limits.size();
        return plan;
    }

    const sdk::SpawnRequest request;
    Preparation ready;
    const std::vector<Limit> limits;
    BeginningLaunch launch;
    std::optional<sdk::StartAnswer> answer;
    bool cancelled = false;
    bool hangs = false;  // Somebody has waited for it in vain.
};

PosixDriver::PosixDriver(const sdk::Config& config)
    : Driver(config), io_(config.host()), boot_id_(read_boot_id()) {
    prepare_launches(starts_at_a_time + 1);
}

PosixDriver::~PosixDriver() {
    const auto until = std::chrono::steady_clock::now() + end_patience;
    for (auto& start : starting_) {
        start->answer->drop();
        if (start->launch.wait_until_settled(until - std::chrono::steady_clock::now())) continue;
        if (!start->launch.kill()) continue;
        // A program that never ran has no exit: the next manager must not take this one for it.
        if (std::int32_t* const place = start->request.pid_slot; place != nullptr)
            __atomic_store_n(place, 0, __ATOMIC_RELAXED);
        // What the system does not let die reads its memory if it ever goes on: that stays.
        if (!start->launch.wait_until_settled(cancel_patience)) static_cast<void>(start.release());
    }
}

void PosixDriver::spawn(sdk::SpawnRequest request, sdk::StartAnswer&& answer) {
    answer_settled();
    refuse_when_full(processes_.size() + abandoned_.size() + starting_.size());
    starting_.reserve(starting_.size() + 1);
    look_soon();
    auto start = std::make_unique<Start>(std::move(request), accounts_);
    // From here on nothing throws: there is a child, and who throws has not answered.
    start->answer.emplace(std::move(answer));
    starting_.push_back(std::move(start));
    make_way();
}

// Waits for the child that began some starts ago. One that hangs is waited for once and counts no
// more, so that it holds up none of those that come later.
void PosixDriver::make_way() {
    std::size_t under_way = 0;
    const auto earlier = std::find_if(starting_.rbegin(), starting_.rend(), [&](const auto& start) {
        return !start->hangs && ++under_way > starts_at_a_time;
    });
    if (earlier != starting_.rend())
        (*earlier)->hangs = !(*earlier)->launch.wait_until_settled(way_patience);
    if (earlier != starting_.rend() || starting_.back()->launch.settled()) answer_settled();
}

void PosixDriver::cancel(sysp_op op) {
    const auto found = std::ranges::find_if(
        starting_, [op](const auto& start) { return start->answer->op() == op; });
    if (found == starting_.end()) return;
    (*found)->cancelled = true;
    // Before the place of its number has another owner.
    static_cast<void>((*found)->launch.end(cancel_patience));
    answer_settled();
}

void PosixDriver::answer_settled() {
    const auto settled =
        std::stable_partition(starting_.begin(), starting_.end(),
                              [](const auto& start) { return !start->launch.settled(); });
    if (settled == starting_.end()) return;
    const std::vector<std::unique_ptr<Start>> done(std::make_move_iterator(settled),
                                                   std::make_move_iterator(starting_.end()));
    starting_.erase(settled, starting_.end());
    if (starting_.empty()) look_.reset();
    for (const auto& start : done) answer(*start);
}

void PosixDriver::answer(Start& start) {
    const auto conclude = [&] {
        Launch launched = start.ready.checked(start.launch.result());
        if (!start.cancelled)
            return start.answer->started(started(start.request.proc, std::move(launched)));
        (void)signal_group(launched.pid, SIGKILL);
        Process process;
        process.pid = launched.pid;
        process.pidfd = std::move(launched.pidfd);
        bury_later(std::move(process));
        throw sdk::Error::cancelled();
    };
    sdk::detail::report_thrown(conclude,
                               [&](const sdk::Error& error) { start.answer->failed(error); });
}

void PosixDriver::look_soon() {
    if (look_ && next_look_ == first_look) return;
    next_look_ = first_look;
    look_later();
}

void PosixDriver::look_later() {
    look_ = io_.timer(next_look_, [this] {
        look_.reset();
        answer_settled();
        if (starting_.empty()) return;
        next_look_ = std::min<std::chrono::microseconds>(next_look_ * 2, last_look);
        look_later();
    });
}

sdk::Spawned PosixDriver::started(sysp_proc proc, Launch launched) {
    const Identity identity = identify(launched.pid, launched.pidfd.get(), boot_id_);
    try {
        return adopt(proc, launched.pid, std::move(launched.pidfd), identity.to_token());
    } catch (...) {
        // A process that nobody watches must not stay behind a start that is reported as failed.
        (void)signal_group(launched.pid, SIGKILL);
        (void)::waitpid(launched.pid, nullptr, 0);
        throw;
    }
}

sdk::Spawned PosixDriver::recover(const sdk::RecoverRequest& request) {
    auto identity = Identity::from_token(request.token);
    if (request.token.empty() && !request.run_id.empty()) {
        const SessionLeader leader = find_session_leader(request.run_id);
        if (leader.in_doubt) throw in_doubt();
        identity = leader.identity;
    }
    if (!identity || !is_alive(*identity, boot_id_)) return adopt_leftovers(request, identity);
    UniqueFd pidfd = open_pidfd(identity->pid);
    // Looked at again, because the number may have changed hands before the pidfd was there.
    if (!pidfd || !is_alive(*identity, boot_id_)) return adopt_leftovers(request, identity);
    identity->inode = pidfd_inode(pidfd.get());
    auto spawned = adopt(request.proc, identity->pid, std::move(pidfd), identity->to_token());
    recovered_[request.proc].run_id = request.run_id;
    return spawned;
}

// The leader is gone and others of its group are left: they must not hide, so the run is taken over
// to end.
sdk::Spawned PosixDriver::adopt_leftovers(const sdk::RecoverRequest& request,
                                          const std::optional<Identity>& leader) {
    if (!leader || leader->boot_id != boot_id_) throw nothing_found();
    const bool group_exists = ::kill(-leader->pid, 0) == 0 || errno != ESRCH;
    if (!group_exists) throw nothing_found();
    const GroupMembers members = find_group_members(leader->pid, request.run_id);
    if (members.pids.empty()) throw members.in_doubt ? in_doubt() : nothing_found();
    sdk::Spawned spawned;
    spawned.pid = leader->pid;
    spawned.token = leader->to_token();
    auto timer = io_.timer({}, [this, proc = request.proc] { finish(proc, SYSP_EXIT_LOST, 0); });
    Process& process = processes_[request.proc];
    process.pid = leader->pid;
    process.exited = true;
    Recovered& recovered = recovered_[request.proc];
    recovered.run_id = request.run_id;
    recovered.wait_for_status = std::move(timer);
    return spawned;
}

sdk::Spawned PosixDriver::adopt(sysp_proc proc, pid_t pid, UniqueFd pidfd, std::string token) {
    sdk::Spawned spawned;
    spawned.pid = pid;
    spawned.token = std::move(token);
    if (pidfd) spawned.keep.push_back({SYSP_KEEP_PIDFD, 0, pidfd.get()});
    // The host does not release what it was refused, so nothing is kept until all has gone well.
    auto watch =
        io_.watch(pidfd.get(), SYSP_IO_READ, [this, proc](std::uint32_t) { on_readable(proc); });
    Process& process = processes_[proc];
    process.pid = pid;
    process.pidfd = std::move(pidfd);
    process.watch = std::move(watch);
    return spawned;
}

void PosixDriver::on_readable(sysp_proc proc) {
    Process& process = find(proc);
    ExitInfo info;
    switch (peek_child(process.pidfd.get(), info)) {
        case ChildState::running:
            return;
        case ChildState::exited:
            finish(proc, info.by_signal ? SYSP_EXIT_SIGNAL : SYSP_EXIT_CODE, info.value);
            return;
        case ChildState::not_a_child:
            break;
    }
    process.watch.reset();
    report_stranger(proc);
}

// The status of a process that somebody else reaps appears a little after its end.
void PosixDriver::report_stranger(sysp_proc proc) {
    const Process& process = find(proc);
    Recovered& recovered = recovered_[proc];
    if (const auto info = query_exit(process.pidfd.get())) {
        finish(proc, info->by_signal ? SYSP_EXIT_SIGNAL : SYSP_EXIT_CODE, info->value);
        return;
    }
    const auto stat = read_process_stat(process.pid);
    const bool zombie = stat && stat->state == 'Z';
    if (!zombie || recovered.waited >= status_patience) {
        finish(proc, SYSP_EXIT_LOST, 0);
        return;
    }
    recovered.waited += status_poll;
    recovered.wait_for_status = io_.timer(status_poll, [this, proc] { report_stranger(proc); });
}

void PosixDriver::finish(sysp_proc proc, std::int32_t kind, std::int32_t value) {
    Process& process = find(proc);
    process.exited = true;
    process.watch.reset();
    exits()->exited(proc, kind, value);
}

void PosixDriver::signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig) {
    const Process& process = find(proc);
    const int number = signal_number(sig, os_sig);
    if (process.exited) {
        if (number == SIGKILL) kill_leftovers(proc, process);
        return;
    }
    const int error = signal_group(process.pid, number);
    if (error != 0) {
        throw sdk::Error::os("cannot signal process group " + std::to_string(process.pid), error);
    }
}

void PosixDriver::kill_leftovers(sysp_proc proc, const Process& process) {
    const auto recovered = recovered_.find(proc);
    if (recovered == recovered_.end()) {
        (void)signal_group(process.pid, SIGKILL);
        return;
    }
    // Somebody else has reaped the leader, so the number may be a stranger's group by now.
    for (const pid_t pid : find_group_members(process.pid, recovered->second.run_id).pids) {
        if (const UniqueFd pidfd = open_pidfd(pid)) (void)signal_pidfd(pidfd.get(), SIGKILL);
    }
}

void PosixDriver::release(sysp_proc proc) {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) return;
    Process process = std::move(found->second);
    processes_.erase(found);
    recovered_.erase(proc);
    if (!process.pidfd) return;
    ExitInfo info;
    if (peek_child(process.pidfd.get(), info) == ChildState::running) {
        bury_later(std::move(process));
    } else {
        reap_child(process.pidfd.get());
    }
}

// A child that was released alive would stay a zombie for ever if nobody reaped it.
void PosixDriver::bury_later(Process process) {
    const pid_t pid = process.pid;
    const int fd = process.pidfd.get();
    process.watch.reset();  // The host takes one watch of a handle.
    process.watch = io_.watch(fd, SYSP_IO_READ, [this, pid, fd](std::uint32_t) {
        reap_child(fd);
        abandoned_.erase(pid);
    });
    abandoned_[pid] = std::move(process);
}

sysp_stats PosixDriver::stats(sysp_proc proc) const {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) throw not_found();
    sysp_stats result{};
    const auto stat = found->second.exited ? std::nullopt : read_process_stat(found->second.pid);
    if (!stat) return result;
    static const auto tick_ns = 1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    result.valid = SYSP_STAT_CPU | SYSP_STAT_RSS | SYSP_STAT_TASKS;
    result.cpu_ns = stat->cpu_ticks * tick_ns;
    result.rss_bytes = stat->rss_pages * page_bytes;
    result.tasks = stat->threads;
    return result;
}

PosixDriver::Process& PosixDriver::find(sysp_proc proc) {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) throw not_found();
    return found->second;
}

}  // namespace syspulse::plugins::posix

SYSPULSE_PLUGIN("syspulse.posix", "0.1.0", "syspulse",
                syspulse::sdk::driver<syspulse::plugins::posix::PosixDriver>());
