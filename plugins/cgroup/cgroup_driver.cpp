#include "cgroup/cgroup_driver.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cgroup/control_file.hpp"
#include "common/child.hpp"
#include "common/process_search.hpp"
#include "common/spawn_plan.hpp"

namespace syspulse::plugins::cgroup {
namespace {

constexpr std::size_t name_limit = 200;  // Of 255 that a directory's name may have.

sdk::Error not_found() {
    return {SYSP_E_NOT_FOUND, "the process is gone"};
}

std::string group_name(const std::string& unit, const std::string& run_id) {
    std::string name = unit + '.' + run_id;
    std::replace(name.begin(), name.end(), '/', '_');
    if (name.size() > name_limit) name.erase(0, name.size() - name_limit);
    return name;
}

// The process of the group that leads it: the oldest session leader of this run, else the oldest.
std::optional<Identity> find_leader(const RunGroup& group, const std::string& run_id) {
    const std::string marker = std::string(run_id_variable) + '=' + run_id;
    std::optional<Identity> result;
    bool marked = false;
    for (const pid_t pid : group.processes()) {
        const auto stat = read_process_stat(pid);
        if (!stat || stat->state == 'Z') continue;
        // One inside exec is the only leader there is, or another will be found beside it.
        const bool leads =
            stat->session == pid && has_environment_entry(pid, marker).value_or(false);
        if (marked && !leads) continue;
        if (result && marked == leads && result->start_ticks <= stat->start_ticks) continue;
        result = Identity{pid, stat->start_ticks, read_boot_id(), 0};
        marked = leads;
    }
    return result;
}

// Another manager that ends may take the place away between the two steps.
RunGroup make_group(Subtree& tree, const Options& options, const std::string& name) {
    constexpr int attempts = 5;
    for (int attempt = 1;; ++attempt) {
        const auto bases = tree.bases_for(options.needs);
        check_ceilings(options.settings, tree);
        try {
            return RunGroup::create(bases, name);
        } catch (const sdk::Error&) {
            if (attempt == attempts || tree.stands()) throw;
        }
    }
}

std::vector<Limit> descriptor_limits(const sysp_limits& limits) {
    if ((limits.valid & SYSP_LIMIT_OPEN_FILES) == 0) return {};
    return {{RLIMIT_NOFILE, limits.open_files}};
}

}  // namespace

CgroupDriver::CgroupDriver(const sdk::Config& config)
    : Driver(config), io_(config.host()), boot_id_(read_boot_id()) {
    prepare_launches();
}

// The kernel refuses to remove a cgroup that has others below it, and so what is in use still.
CgroupDriver::~CgroupDriver() {
    for (const auto& [proc, run] : runs_) {
        if (run.released) (void)run.group.remove();
    }
    remove_lingering();
    for (const std::string& place : inherited_) (void)::rmdir(place.c_str());
}

Subtree& CgroupDriver::subtree(const std::string& parent) {
    auto& found = subtrees_[parent];
    if (found == nullptr) {
        try {
            found = std::make_unique<Subtree>(parent);
        } catch (...) {
            subtrees_.erase(parent);
            throw;
        }
    }
    return *found;
}

void CgroupDriver::try_spawn(const sdk::Config& config, const sysp_limits& limits) {
    const Options options = read_options(config, limits);
    check_controllers(options);
    Subtree::check(options.parent);
}

sdk::Spawned CgroupDriver::spawn(const sdk::SpawnRequest& request) {
    remove_lingering();
    const Options options = read_options(request.config, request.limits);
    Subtree& tree = subtree(options.parent);
    RunGroup group = make_group(tree, options, group_name(request.unit, request.run_id));
    pid_t pid = -1;
    try {
        group.apply(options.settings);
        UniqueFd pidfd;
        pid = start(request, options, group, pidfd);
        if (!pidfd)
            throw sdk::Error{SYSP_E_OS, "cannot watch the process: there is no pidfd of it"};
        const Identity identity = identify(pid, pidfd.get(), boot_id_);
        return adopt(request.proc, identity, std::move(pidfd), group);
    } catch (...) {
        // A process that nobody watches must not stay behind a start that is reported as failed.
        if (pid > 0) {
            (void)group.kill();
            (void)::waitpid(pid, nullptr, 0);
        }
        (void)group.remove();
        throw;
    }
}

pid_t CgroupDriver::start(const sdk::SpawnRequest& request, const Options& options,
                          const RunGroup& group, UniqueFd& pidfd) {
    Preparation ready{request, accounts_};
    ChildPlan& plan = ready.plan();
    const auto limits = descriptor_limits(request.limits);
    plan.limits = limits.data();
    plan.limit_count = limits.size();
    plan.confinement = &options.confinement;
    std::vector<UniqueFd> directories;
    std::vector<int> joins;
    for (const auto& [key, path] : group.directories()) {
        directories.emplace_back(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!directories.back()) throw sdk::Error::os("cannot open the cgroup " + path);
        if (key.empty()) {
            plan.cgroup = directories.back().get();
        } else {
            joins.push_back(directories.back().get());
        }
    }
    plan.joins = joins.data();
    plan.join_count = joins.size();
    Launch launched = ready.start();
    pidfd = std::move(launched.pidfd);
    return launched.pid;
}

// By its token, or among the cgroups where runs get theirs.
RunGroup CgroupDriver::find_group(const sdk::RecoverRequest& request) {
    const auto lines = request.token.find('\n');
    if (lines != std::string::npos)
        return RunGroup::from_token(std::string_view{request.token}.substr(lines));
    const std::string parent = request.config.has("/parent") ? request.config.str("/parent") : "";
    return RunGroup::find(subtree(parent).places(), request.run_id);
}

void CgroupDriver::inherit_place(const RunGroup& group) {
    for (const auto& [key, directory] : group.directories()) {
        const std::string place = parent_of(directory);
        if (place.substr(place.rfind('/') + 1) == found_place) inherited_.insert(place);
    }
}

sdk::Spawned CgroupDriver::recover(const sdk::RecoverRequest& request) {
    RunGroup group = find_group(request);
    if (!request.config.has("/parent")) inherit_place(group);
    auto identity =
        Identity::from_token(std::string_view{request.token}.substr(0, request.token.find('\n')));
    if (request.token.empty()) identity = find_leader(group, request.run_id);
    const bool alive = identity && is_alive(*identity, boot_id_);
    if (!alive && !group.populated()) {
        const sdk::Error error = nothing_found();
        (void)group.remove();
        throw error;
    }
    if (!identity) {
        throw sdk::Error{SYSP_E_BUSY, "processes live in the cgroup " + group.tracking() +
                                          ", and none of them can be told to lead it"};
    }
    UniqueFd pidfd = alive ? open_pidfd(identity->pid) : UniqueFd{};
    // Looked at again, because the number may have changed hands before the pidfd was there.
    const bool held = pidfd && is_alive(*identity, boot_id_);
    if (held) identity = identify(identity->pid, pidfd.get(), boot_id_);
    // One that has ended is in no cgroup any more, although it has its number until it is reaped.
    const auto stat = held ? read_process_stat(identity->pid) : std::nullopt;
    if (stat && stat->state != 'Z' && !group.contains(identity->pid)) {
        log(SYSP_LOG_WARN, "process " + std::to_string(identity->pid) +
                               " was moved out of its cgroup; its limits do not hold any more");
    }
    if (!held) pidfd.reset();
    const bool frozen = group.is_frozen();
    auto spawned = adopt(request.proc, *identity, std::move(pidfd), std::move(group));
    spawned.frozen = frozen;
    return spawned;
}

sdk::Spawned CgroupDriver::adopt(sysp_proc proc, const Identity& identity, UniqueFd pidfd,
                                 RunGroup group) {
    sdk::Spawned spawned;
    spawned.pid = identity.pid;
    spawned.token = identity.to_token() + group.to_token();
    // The host does not release what it was refused, so nothing is kept until all has gone well.
    sdk::Watch watch;
    sdk::Timer timer;
    if (pidfd) {
        spawned.keep.push_back({SYSP_KEEP_PIDFD, 0, pidfd.get()});
        watch =
            io_.watch(pidfd.get(), SYSP_IO_READ, [this, proc](std::uint32_t) { on_leader(proc); });
    } else {
        // The leader is gone and others are left: they must not hide, so the run is taken over to
        // end.
        timer = io_.timer({}, [this, proc] { await_empty(proc); });
    }
    Run& run = runs_[proc];
    run.pid = identity.pid;
    run.leader_gone = !pidfd;
    run.pidfd = std::move(pidfd);
    run.group = std::move(group);
    run.watch = std::move(watch);
    run.timer = std::move(timer);
    return spawned;
}

void CgroupDriver::signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig) {
    Run& run = find(proc);
    const int number = signal_number(sig, os_sig);
    if (run.ended) return;
    if (number == SIGKILL) return kill_group(run);
    if (run.leader_gone) return;
    if (const int error = signal_pidfd(run.pidfd.get(), number); error != 0)
        throw sdk::Error::os("cannot signal process " + std::to_string(run.pid), error);
    for (const pid_t pid : run.group.processes()) {
        if (pid != run.pid) (void)::kill(pid, number);
    }
}

void CgroupDriver::release(sysp_proc proc) {
    const auto found = runs_.find(proc);
    if (found == runs_.end()) return;
    // What was killed takes a moment to go, and its cgroup goes after it.
    Run& dying = found->second;
    if (!dying.ended && (dying.leader_gone || dying.killed) && dying.group.populated()) {
        dying.released = true;
        return;
    }
    Run run = std::move(found->second);
    runs_.erase(found);
    unwatch_events(run);
    run.timer.reset();
    run.freezing.reset();
    ExitInfo info;
    if (run.pidfd && peek_child(run.pidfd.get(), info) == ChildState::running)
        return bury_later(std::move(run));
    if (run.pidfd) reap_child(run.pidfd.get());
    if (!run.ended) remove(run.group);
}

void CgroupDriver::remove(const RunGroup& group) {
    if (!group.remove()) lingering_.push_back(group);
}

void CgroupDriver::remove_lingering() {
    lingering_.erase(std::remove_if(lingering_.begin(), lingering_.end(),
                                    [](const RunGroup& group) { return group.remove(); }),
                     lingering_.end());
}

// A child that was released alive would stay a zombie for ever if nobody reaped it.
void CgroupDriver::bury_later(Run run) {
    const pid_t pid = run.pid;
    const int fd = run.pidfd.get();
    run.watch.reset();  // The host takes one watch of a handle.
    run.watch = io_.watch(fd, SYSP_IO_READ, [this, pid, fd](std::uint32_t) {
        reap_child(fd);
        const auto found = abandoned_.find(pid);
        if (found == abandoned_.end()) return;
        const Run buried = std::move(found->second);
        abandoned_.erase(found);
        remove(buried.group);
    });
    abandoned_[pid] = std::move(run);
}

sysp_stats CgroupDriver::stats(sysp_proc proc) const {
    const auto found = runs_.find(proc);
    if (found == runs_.end()) throw not_found();
    if (found->second.ended || !found->second.group.exists()) return {};
    return found->second.group.stats();
}

CgroupDriver::Run& CgroupDriver::find(sysp_proc proc) {
    const auto found = runs_.find(proc);
    if (found == runs_.end()) throw not_found();
    return found->second;
}

}  // namespace syspulse::plugins::cgroup

SYSPULSE_PLUGIN("syspulse.cgroup", "0.1.0", "syspulse",
                syspulse::sdk::driver<syspulse::plugins::cgroup::CgroupDriver>());
