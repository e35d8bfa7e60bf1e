#include "common/child.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "common/child_program.hpp"
#include "common/clone_into.hpp"
#include "common/stdio_slots.hpp"
#include "common/system_call.hpp"

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

using namespace std::chrono_literals;

// Blocks every signal, also those that glibc keeps for itself, for the life of the object.
class AllSignalsBlocked {
  public:
    AllSignalsBlocked() {
        const std::uint64_t all = ~std::uint64_t{0};
        (void)system_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
    }
    ~AllSignalsBlocked() {
        (void)system_call(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_);
    }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

  private:
    std::uint64_t before_ = 0;
};

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
}

}  // namespace

BeginningLaunch::BeginningLaunch(const ChildPlan& plan)
    : context_(std::make_unique<ChildContext>()) {
    context_->plan = &plan;
    context_->stdio = plan.stdio;
    errno = 0;
    pid_ = start(*context_);
    if (pid_ < 0) {
        start_error_ = errno;
        on_our_memory_ = 0;
        stdio_.reset();
    }
}

BeginningLaunch::~BeginningLaunch() {
    while (!end(1s)) {
    }
    // Nobody has asked for the result.
    if (pidfd_ >= 0) ::close(pidfd_);
}

#if SYSPULSE_SHARED_MEMORY_CHILD

pid_t BeginningLaunch::start(ChildContext& context) {
    const ChildPlan& plan = *context.plan;
    // To confine itself it calls the C library, and clone_into() needs all of its attention.
    const bool waits =
        SYSPULSE_BARE_SYSTEM_CALLS == 0 || plan.confinement != nullptr || plan.cgroup >= 0;
    int flags = CLONE_VM | CLONE_PIDFD | SIGCHLD | (waits ? CLONE_VFORK : CLONE_CHILD_CLEARTID);
    stdio_ = std::make_unique<StdioLease>(plan.stdio);
    if (*stdio_) {
        flags |= CLONE_FILES;
        context.stdio = stdio_->descriptors();
        context.leave_table_at = stdio_->end();
    }
    on_our_memory_ = waits ? 0 : 1;
    const AllSignalsBlocked blocked;
    if (plan.cgroup >= 0) {
        const pid_t pid =
            clone_into(plan.cgroup, &child_main, &context, stack_, stack_size, flags, pidfd_);
        // An older kernel; or one that refuses, which entering will tell more about.
        context.enter_cgroup = pid < 0 && errno != EAGAIN && errno != ENOMEM;
        if (!context.enter_cgroup) return pid;
    }
    return ::clone(&child_main, stack_ + stack_size, flags, &context, &pidfd_, nullptr,
                   &on_our_memory_);
}

#else

pid_t BeginningLaunch::start(ChildContext& context) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
    constexpr int above_the_streams = 3;
    const UniqueFd reader{ends[0]};
    UniqueFd writer{::fcntl(ends[1], F_DUPFD_CLOEXEC, above_the_streams)};
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
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    while (::read(reader.get(), &context.failure, sizeof context.failure) < 0 && errno == EINTR) {
    }
    return pid;
}

#endif

bool BeginningLaunch::settled() const {
    return __atomic_load_n(&on_our_memory_, __ATOMIC_ACQUIRE) == 0;
}

bool BeginningLaunch::wait_until_settled(std::chrono::nanoseconds at_most) const {
    const auto until = std::chrono::steady_clock::now() + at_most;
    while (!settled()) {
        const auto left = until - std::chrono::steady_clock::now();
        if (left <= 0ns) return false;
        const timespec rest = {
            std::chrono::duration_cast<std::chrono::seconds>(left).count(),
            std::chrono::duration_cast<std::chrono::nanoseconds>(left % 1s).count()};
        // The kernel's wake-up is no private one.
        (void)::syscall(SYS_futex, &on_our_memory_, FUTEX_WAIT, 1, &rest, nullptr, 0);
    }
    return true;
}

bool BeginningLaunch::kill() const {
    if (settled()) return false;
    // It is our child and not reaped, so the number is its own.
    (void)::kill(pid_, SIGKILL);
    return true;
}

bool BeginningLaunch::end(std::chrono::nanoseconds at_most) {
    return !kill() || wait_until_settled(at_most);
}

Launch BeginningLaunch::result() {
    stdio_.reset();
    Launch result;
    result.pidfd = UniqueFd{std::exchange(pidfd_, -1)};
    const ChildFailure& failure = context_->failure;
    if (pid_ < 0 || failure.error != 0) {
        if (pid_ >= 0) reap(pid_);
        result.pidfd.reset();
        result.error = pid_ < 0 ? start_error_ : failure.error;
        result.stage = to_string(pid_ < 0 ? Stage::start : failure.stage);
        result.tried = failure.tried;
        return result;
    }
    result.pid = pid_;
    return result;
}

void prepare_launches(std::size_t at_a_time) {
#if SYSPULSE_SHARED_MEMORY_CHILD
    prepare_stdio_slots(at_a_time);
#else
    static_cast<void>(at_a_time);
#endif
}

bool launches_go_on_beside() {
    return SYSPULSE_SHARED_MEMORY_CHILD != 0 && SYSPULSE_BARE_SYSTEM_CALLS != 0;
}

Launch launch(const ChildPlan& plan) {
    BeginningLaunch beginning{plan};
    while (!beginning.wait_until_settled(1h)) {
    }
    return beginning.result();
}

int signal_group(pid_t leader, int signal) {
    if (::kill(-leader, signal) == 0 || errno == ESRCH) return 0;
    return errno;
}

}  // namespace syspulse::plugins
