// The child runs on the parent's memory between clone and exec, and beside the parent's threads
// where it is not confined. It therefore uses bare system calls only: glibc's setuid() would signal
// the parent's threads, malloc would corrupt the parent's heap, and errno is the parent's.
#include "common/child_program.hpp"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <cstdint>

#include "common/system_call.hpp"

namespace syspulse::plugins {
namespace {

constexpr int first_other_fd = 3;
constexpr int signal_count = 64;
constexpr std::size_t kernel_mask_size = 8;        // Bytes of the kernel's sigset_t.
constexpr unsigned close_range_unshare = 1U << 1;  // CLOSE_RANGE_UNSHARE, which old headers lack.

// What this process was given. The host raises its own limit once its plugins are loaded; children
// get what they would have got without it.
const rlimit given_descriptors = [] {
    rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
}();

// `result` is a failed call's.
[[noreturn]] void give_up(ChildContext& context, Stage stage, long result, std::size_t tried = 0) {
    context.failure = {static_cast<int>(-result), stage, tried};
    if (context.error_fd >= 0)
        (void)system_call(SYS_write, context.error_fd, &context.failure, sizeof context.failure);
    // Only its own number: the start may have been given up, and the place have another owner.
    if (std::int32_t* const slot = context.plan->pid_slot; slot != nullptr) {
        auto own = static_cast<std::int32_t>(system_call(SYS_getpid));
        (void)__atomic_compare_exchange_n(slot, &own, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    for (;;) (void)system_call(SYS_exit_group, 127);
}

void enter(ChildContext& context, int cgroup) {
    const long file = system_call(SYS_openat, cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (file < 0) give_up(context, Stage::cgroup, file);
    // Zero stands for whoever writes it.
    const long written = system_call(SYS_write, file, "0", 1);
    // Before giving up, because the table may be the parent's still.
    (void)system_call(SYS_close, file);
    if (written != 1) give_up(context, Stage::cgroup, written < 0 ? written : -EIO);
}

void enter_cgroups(ChildContext& context) {
    const ChildPlan& plan = *context.plan;
    if (plan.cgroup >= 0 && context.enter_cgroup) enter(context, plan.cgroup);
    for (std::size_t i = 0; i < plan.join_count; ++i) enter(context, plan.joins[i]);
}

void close_one_by_one(int keep) {
    rlimit limit{};
    const bool known = system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &limit) == 0;
    const int end =
        known && limit.rlim_cur < 1'048'576 ? static_cast<int>(limit.rlim_cur) : 1'048'576;
    for (int fd = first_other_fd; fd < end; ++fd) {
        if (fd != keep) (void)system_call(SYS_close, fd);
    }
}

void close_range_of(unsigned first, unsigned last, int keep) {
    if (first > last) return;
    if (system_call(SYS_close_range, first, last, 0) != 0) close_one_by_one(keep);
}

void close_others(int keep) {
    if (keep < first_other_fd) return close_range_of(first_other_fd, ~0U, keep);
    const auto kept = static_cast<unsigned>(keep);
    close_range_of(first_other_fd, kept - 1, keep);
    close_range_of(kept + 1, ~0U, keep);
}

// Copies only the low part of the shared table, so that a start costs the same however many
// descriptors the parent has. Nothing of the parent's may be touched before.
void leave_shared_table(ChildContext& context) {
    if (context.leave_table_at == 0) return;
    const long left =
        system_call(SYS_close_range, context.leave_table_at, ~0U, close_range_unshare);
    if (left != 0) give_up(context, Stage::stdio, left);
}

void arrange_stdio(ChildContext& context) {
    long source[first_other_fd];
    for (int i = 0; i < first_other_fd; ++i) {
        long& fd = source[i];
        fd = context.stdio[static_cast<std::size_t>(i)];
        if (fd < 0) fd = system_call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
        // A source below 3 could be overwritten by the dup of another one.
        if (fd >= 0 && fd < first_other_fd)
            fd = system_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, first_other_fd);
        if (fd < 0) give_up(context, Stage::stdio, fd);
    }
    for (int i = 0; i < first_other_fd; ++i) {
        const long done = system_call(SYS_dup3, source[i], i, 0);
        if (done < 0) give_up(context, Stage::stdio, done);
    }
}

void apply_limits(ChildContext& context) {
    // A limit that was lowered meanwhile stays as it is.
    (void)system_call(SYS_prlimit64, 0, RLIMIT_NOFILE, &given_descriptors, nullptr);
    for (std::size_t i = 0; i < context.plan->limit_count; ++i) {
        const Limit& limit = context.plan->limits[i];
        const struct { std::uint64_t soft, hard; } value = {limit.value, limit.value};
        const long set = system_call(SYS_prlimit64, 0, limit.resource, &value, nullptr);
        if (set != 0) give_up(context, Stage::limits, set);
    }
}

void confine(ChildContext& context) {
    const Confinement* confinement = context.plan->confinement;
    if (confinement != nullptr && !confine_self(*confinement))
        give_up(context, Stage::confine, -errno);
}

void become_user(ChildContext& context) {
    const Credentials* who = context.plan->credentials;
    if (who == nullptr) return;
    long done = system_call(SYS_setgroups, who->groups.size(), who->groups.data());
    if (done == 0) done = system_call(SYS_setresgid, who->gid, who->gid, who->gid);
    if (done == 0) done = system_call(SYS_setresuid, who->uid, who->uid, who->uid);
    if (done != 0) give_up(context, Stage::user, done);
}

void enter_directory(ChildContext& context) {
    const char* const cwd = context.plan->cwd;
    const long entered = cwd == nullptr ? 0 : system_call(SYS_chdir, cwd);
    if (entered != 0) give_up(context, Stage::chdir, entered);
}

// Dispositions first: a handler of the parent must not run in the child on the parent's memory.
void reset_signals() {
    const std::uint64_t default_action[4] =
        {};  // The kernel's sigaction: handler, flags, restorer, mask.
    for (int number = 1; number <= signal_count; ++number) {
        (void)system_call(SYS_rt_sigaction, number, default_action, nullptr, kernel_mask_size);
    }
    const std::uint64_t none = 0;
    (void)system_call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kernel_mask_size);
}

// As execvp does it: a path that is not there or not permitted gives way to the next one, and
// a refusal is what counts in the end.
[[noreturn]] void execute(ChildContext& context) {
    const ChildPlan& plan = *context.plan;
    const char* path = plan.path;
    long refusal = 0;
    std::size_t refused = 0;
    for (std::size_t tried = 0;; ++tried) {
        const long result = system_call(SYS_execve, path, plan.argv, plan.env);
        if (result == -EACCES && refusal == 0) {
            refusal = result;
            refused = tried;
        }
        const bool goes_on = result == -EACCES || result == -ENOENT || result == -ENOTDIR;
        path = plan.alternatives == nullptr ? nullptr : plan.alternatives[tried];
        if (goes_on && path != nullptr) continue;
        if (!goes_on || refusal == 0) give_up(context, Stage::exec, result, tried);
        give_up(context, Stage::exec, refusal, refused);
    }
}

}  // namespace

const char* to_string(Stage stage) {
    constexpr const char* names[] = {"start",   "cgroup", "session", "stdio", "limits",
                                     "confine", "user",   "chdir",   "exec"};
    return names[static_cast<std::size_t>(stage)];
}

int child_main(void* raw) {
    auto& context = *static_cast<ChildContext*>(raw);
    const ChildPlan& plan = *context.plan;
    if (plan.pid_slot != nullptr)
        __atomic_store_n(plan.pid_slot, static_cast<std::int32_t>(system_call(SYS_getpid)),
                         __ATOMIC_RELAXED);
    enter_cgroups(context);
    if (const long session = system_call(SYS_setsid); session < 0)
        give_up(context, Stage::session, session);
    leave_shared_table(context);
    arrange_stdio(context);
    close_others(context.error_fd);
    apply_limits(context);
    confine(context);
    become_user(context);
    enter_directory(context);
    reset_signals();
    execute(context);
}

}  // namespace syspulse::plugins
