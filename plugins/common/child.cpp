// The child runs on the parent's memory between clone and exec. It therefore uses raw system calls
// only: glibc's setuid() would signal the parent's threads, malloc would corrupt the parent's heap.
#include "common/child.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "common/clone_into.hpp"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

// The sanitizers keep shadow state per address, which a child on shared memory would confuse.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SYSPULSE_SHARED_MEMORY_CHILD 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SYSPULSE_SHARED_MEMORY_CHILD 0
#endif
#endif
#ifndef SYSPULSE_SHARED_MEMORY_CHILD
#define SYSPULSE_SHARED_MEMORY_CHILD 1
#endif

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

struct Failure {
    int error;
    int stage;
    std::size_t tried;
};

constexpr const char* stages[] = {"start",   "cgroup", "session", "stdio", "limits",
                                  "confine", "user",   "chdir",   "exec"};
// clang-format off
enum StageIndex { at_start, at_cgroup, at_session, at_stdio, at_limits, at_confine, at_user, at_chdir, at_exec };
// clang-format on

struct ChildContext {
    const ChildPlan* plan;
    int error_fd;  // -1: `failure` is shared memory.
    Failure failure;
    std::array<int, 3> stdio;
    // Not zero: the child shares the parent's descriptor table, of which it needs those below.
    unsigned leave_table_at;
    bool enter_cgroup;  // It was not born there.
};

[[noreturn]] void give_up(ChildContext& context, int stage, std::size_t tried = 0) {
    const Failure failure{errno, stage, tried};
    context.failure = failure;
    if (context.error_fd >= 0) (void)!::write(context.error_fd, &failure, sizeof failure);
    if (context.plan->pid_slot != nullptr) *context.plan->pid_slot = 0;
    ::_exit(127);
}

void enter_cgroups(ChildContext& context) {
    const ChildPlan& plan = *context.plan;
    const auto enter = [&](int directory) {
        const int file = ::openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (file < 0) give_up(context, at_cgroup);
        // Zero stands for whoever writes it.
        const bool entered = ::write(file, "0", 1) == 1;
        const int error = errno;
        // Before giving up, because the table may be the parent's still.
        ::close(file);
        errno = error;
        if (!entered) give_up(context, at_cgroup);
    };
    if (plan.cgroup >= 0 && context.enter_cgroup) enter(plan.cgroup);
    for (std::size_t i = 0; i < plan.join_count; ++i) enter(plan.joins[i]);
}

void close_one_by_one(int keep) {
    rlimit limit{};
    const int end = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1'048'576
                        ? static_cast<int>(limit.rlim_cur)
                        : 1'048'576;
    for (int fd = first_other_fd; fd < end; ++fd) {
        if (fd != keep) ::close(fd);
    }
}

void close_range_of(unsigned first, unsigned last, int keep) {
    if (first > last) return;
    if (::syscall(SYS_close_range, first, last, 0) != 0) close_one_by_one(keep);
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
    if (::syscall(SYS_close_range, context.leave_table_at, ~0U, close_range_unshare) != 0)
        give_up(context, at_stdio);
}

void arrange_stdio(ChildContext& context) {
    std::array<int, 3> source = context.stdio;
    for (int& fd : source) {
        if (fd < 0) fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        // A source below 3 could be overwritten by the dup2 of another one.
        if (fd >= 0 && fd < first_other_fd) fd = ::fcntl(fd, F_DUPFD_CLOEXEC, first_other_fd);
        if (fd < 0) give_up(context, at_stdio);
    }
    for (int i = 0; i < first_other_fd; ++i) {
        if (::dup2(source[static_cast<std::size_t>(i)], i) < 0) give_up(context, at_stdio);
    }
}

void apply_limits(ChildContext& context) {
    // A limit that was lowered meanwhile stays as it is.
    (void)::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &given_descriptors, nullptr);
    for (std::size_t i = 0; i < context.plan->limit_count; ++i) {
        const Limit& limit = context.plan->limits[i];
        const struct { std::uint64_t soft, hard; } value = {limit.value, limit.value};
        if (::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr) != 0) {
            give_up(context, at_limits);
        }
    }
}

void confine(ChildContext& context) {
    const Confinement* confinement = context.plan->confinement;
    if (confinement != nullptr && !confine_self(*confinement)) give_up(context, at_confine);
}

void become_user(ChildContext& context) {
    const Credentials* who = context.plan->credentials;
    if (who == nullptr) return;
    if (::syscall(SYS_setgroups, who->groups.size(), who->groups.data()) != 0 ||
        ::syscall(SYS_setresgid, who->gid, who->gid, who->gid) != 0 ||
        ::syscall(SYS_setresuid, who->uid, who->uid, who->uid) != 0) {
        give_up(context, at_user);
    }
}

// Dispositions first: a handler of the parent must not run in the child on the parent's memory.
void reset_signals() {
    const std::uint64_t default_action[4] =
        {};  // The kernel's sigaction: handler, flags, restorer, mask.
    for (int number = 1; number <= signal_count; ++number) {
        ::syscall(SYS_rt_sigaction, number, default_action, nullptr, kernel_mask_size);
    }
    const std::uint64_t none = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kernel_mask_size);
}

// As execvp does it: a path that is not there or not permitted gives way to the next one, and
// a refusal is what counts in the end.
[[noreturn]] void execute(ChildContext& context) {
    const ChildPlan& plan = *context.plan;
    const char* path = plan.path;
    int refusal = 0;
    std::size_t refused = 0;
    for (std::size_t tried = 0;; ++tried) {
        ::execve(path, plan.argv, plan.env);
        if (errno == EACCES && refusal == 0) {
            refusal = errno;
            refused = tried;
        }
        const bool goes_on = errno == EACCES || errno == ENOENT || errno == ENOTDIR;
        path = plan.alternatives == nullptr ? nullptr : plan.alternatives[tried];
        if (goes_on && path != nullptr) continue;
        if (!goes_on || refusal == 0) give_up(context, at_exec, tried);
        errno = refusal;
        give_up(context, at_exec, refused);
    }
}

int child_main(void* raw) {
    auto& context = *static_cast<ChildContext*>(raw);
    const ChildPlan& plan = *context.plan;
    if (plan.pid_slot != nullptr) *plan.pid_slot = static_cast<pid_t>(::syscall(SYS_getpid));
    enter_cgroups(context);
    if (::setsid() < 0) give_up(context, at_session);
    leave_shared_table(context);
    arrange_stdio(context);
    close_others(context.error_fd);
    apply_limits(context);
    confine(context);
    become_user(context);
    if (plan.cwd != nullptr && ::chdir(plan.cwd) != 0) give_up(context, at_chdir);
    reset_signals();
    execute(context);
}

// Blocks every signal, also those that glibc keeps for itself, for the life of the object.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() {
        const std::uint64_t all = ~std::uint64_t{0};
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, kernel_mask_size);
    }
    ~AllSignalsBlocked() {
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kernel_mask_size);
    }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  private:
    std::uint64_t before_ = 0;
};

#if SYSPULSE_SHARED_MEMORY_CHILD

// Three descriptors of the parent with low numbers, which carry the child's standard streams while
// it starts and the null device at all other times. Each thread that starts children has its own.
class StdioSlots {
  public:
    StdioSlots() : null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {
        // Kernels before 5.9 and some sandboxes have no close_range.
        if (!null_ || ::syscall(SYS_close_range, ~0U, ~0U, 0) != 0) return;
        for (UniqueFd& slot : slots_) {
            slot = UniqueFd{::fcntl(null_.get(), F_DUPFD_CLOEXEC, first_other_fd)};
            if (!slot) return;
            end_ = std::max(end_, static_cast<unsigned>(slot.get()) + 1);
        }
        usable_ = true;
    }

    // False: the child has to take the ordinary way.
    bool fill(const std::array<int, 3>& stdio) {
        for (std::size_t i = 0; usable_ && i < slots_.size(); ++i) {
            if (stdio[i] >= 0 && ::dup3(stdio[i], slots_[i].get(), O_CLOEXEC) < 0) return false;
        }
        return usable_;
    }
    // Nobody but the child is to hold the streams open.
    void clear(const std::array<int, 3>& stdio) {
        for (std::size_t i = 0; usable_ && i < slots_.size(); ++i) {
            if (stdio[i] >= 0) (void)::dup3(null_.get(), slots_[i].get(), O_CLOEXEC);
        }
    }
    std::array<int, 3> descriptors() const {
        return {slots_[0].get(), slots_[1].get(), slots_[2].get()};
    }
    unsigned end() const { return end_; }

  private:
    UniqueFd null_;
    std::array<UniqueFd, 3> slots_;
    unsigned end_ = 0;
    bool usable_ = false;
};

StdioSlots& stdio_slots() {
    static thread_local StdioSlots slots;
    return slots;
}

pid_t start_child(ChildContext& context, int& pidfd) {
    constexpr std::size_t stack_size = 32 * 1024;
    // On the caller's stack: the caller is suspended until the child has called exec or has ended.
    alignas(16) std::byte stack[stack_size];
    StdioSlots& slots = stdio_slots();
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    if (slots.fill(context.plan->stdio)) {
        flags |= CLONE_FILES;
        context.stdio = slots.descriptors();
        context.leave_table_at = slots.end();
    }
    pid_t pid = -1;
    {
        const AllSignalsBlocked blocked;
        if (context.plan->cgroup >= 0) {
            pid = clone_into(context.plan->cgroup, &child_main, &context, stack, stack_size, flags,
                             pidfd);
            // An older kernel; or one that refuses, which entering will tell more about.
            context.enter_cgroup = pid < 0 && errno != EAGAIN && errno != ENOMEM;
        }
        if (context.plan->cgroup < 0 || context.enter_cgroup) {
            pid = ::clone(&child_main, stack + stack_size, flags, &context, &pidfd);
        }
    }
    const int error = errno;
    slots.clear(context.plan->stdio);
    errno = error;
    return pid;
}

#else

pid_t start_child(ChildContext& context, int& pidfd) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
    const UniqueFd reader{ends[0]};
    UniqueFd writer{::fcntl(ends[1], F_DUPFD_CLOEXEC, first_other_fd)};
    ::close(ends[1]);
    context.error_fd = writer.get();
    context.enter_cgroup = true;
    pid_t pid = -1;
    {
        const AllSignalsBlocked blocked;
        pid = ::fork();
        if (pid == 0) child_main(&context);
    }
    if (pid < 0) return -1;
    writer.reset();
    pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    while (::read(reader.get(), &context.failure, sizeof context.failure) < 0 && errno == EINTR) {
    }
    return pid;
}

#endif

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
}

}  // namespace

void prepare_launches() {
#if SYSPULSE_SHARED_MEMORY_CHILD
    static_cast<void>(stdio_slots());
#endif
}

Launch launch(const ChildPlan& plan) {
    ChildContext context{&plan, -1, {0, at_start, 0}, plan.stdio, 0, false};
    Launch result;
    int pidfd = -1;
    errno = 0;
    const pid_t pid = start_child(context, pidfd);
    if (pid < 0) {
        result.error = errno;
        result.stage = stages[at_start];
        return result;
    }
    result.pidfd = UniqueFd{pidfd};
    if (context.failure.error != 0) {
        reap(pid);
        result.pidfd.reset();
        result.error = context.failure.error;
        result.stage = stages[context.failure.stage];
        result.tried = context.failure.tried;
        return result;
    }
    result.pid = pid;
    return result;
}

int signal_group(pid_t leader, int signal) {
    if (::kill(-leader, signal) == 0 || errno == ESRCH) return 0;
    return errno;
}

}  // namespace syspulse::plugins
