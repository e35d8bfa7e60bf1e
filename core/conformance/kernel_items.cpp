// D10, D25 and D26: what takes the kernel to arrange, numbers that are used again, memory and
// processes that are used up.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "conformance/driver_bench.hpp"
#include "conformance/told_by_child.hpp"

namespace syspulse::conformance {
namespace {

void write_to(const char* path, const std::string& text) {
    std::ofstream(path) << text << std::flush;
}

// Makes the next child of this process the first one of numbers of its own.
bool leave_namespace() {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0) return true;
    const std::string user = std::to_string(::getuid());
    const std::string group = std::to_string(::getgid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0) return false;
    write_to("/proc/self/setgroups", "deny");
    write_to("/proc/self/uid_map", user + ' ' + user + " 1");
    write_to("/proc/self/gid_map", group + ' ' + group + " 1");
    return true;
}

// A process that has done nothing, with the number; zero where the kernel gives another.
pid_t bystander(pid_t number) {
    write_to("/proc/sys/kernel/ns_last_pid", std::to_string(number - 1));
    const pid_t pid = ::fork();
    if (pid == 0) {
        for (;;) ::pause();
    }
    if (pid == number) return pid;
    if (pid > 0) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    return 0;
}

// It has not set up anything, so that a signal would have ended or stopped it.
bool untouched(pid_t pid) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid == 0;
}

Verdict tells_them_apart(DriverBench& bench, const Running& first) {
    const auto number = static_cast<pid_t>(first.pid);
    const pid_t other = bystander(number);
    if (other == 0) return skip("the kernel does not give the number again");
    const Running again = bench.recover(first.run_id, first.token);
    Verdict verdict = pass();
    if (!again.refused && !again.answer) verdict = fail("no answer");
    if (again.up()) {
        verdict = fail("a process that got the number later is taken for it");
        bench.signal(again.proc, SYSP_SIG_TERMINATE);
    }
    bench.release(again.proc);
    bench.host.settle(std::chrono::milliseconds{50});
    if (verdict.outcome == Outcome::pass && !untouched(other)) {
        verdict = fail("a process that got the number later was signalled");
    }
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
    return verdict;
}

Verdict recycles(DriverBench& bench) {
    const Running first = bench.spawn(programs::wait_to_be_ended());
    if (!first.up()) return fail("it does not start");
    // Start times are counted in hundredths of a second; no number is used again within one.
    bench.host.settle(std::chrono::milliseconds{50});
    bench.signal(first.proc, SYSP_SIG_KILL);
    if (!bench.exit_of(first)) return fail("its end is not reported");
    bench.release(first.proc);
    bench.renew();
    if (!bench.ready()) return skip("create fails");
    ::waitpid(static_cast<pid_t>(first.pid), nullptr, WNOHANG);
    return tells_them_apart(bench, first);
}

// The whole case, by the first process of the namespace: what became of it, as a digit and a text.
std::string as_the_first(Case& c) {
    const bool mounted = ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("proc", "/proc", "proc", 0, nullptr) == 0;
    const int error = errno;
    const Verdict verdict =
        mounted
            ? with_driver<recycles>(c)
            : skip(std::string("/proc of a namespace cannot be mounted: ") + std::strerror(error));
    return static_cast<char>('0' + static_cast<int>(verdict.outcome)) + verdict.message;
}

Verdict recycled_number(Case& c) {
    if (!leave_namespace()) {
        return skip(std::string("no namespace of processes can be made here: ") +
                    std::strerror(errno));
    }
    const std::string text =
        told_by_child(c.within(3 * bench_patience), [&c] { return as_the_first(c); });
    if (text.empty()) return fail("the process that has the driver ends or hangs");
    return {static_cast<Outcome>(text.front() - '0'), text.substr(1)};
}

// --- memory

constexpr std::uint64_t MiB = 1 << 20;

bool has_swap() {
    std::ifstream swaps("/proc/swaps");
    std::string line;
    std::getline(swaps, line);
    return static_cast<bool>(std::getline(swaps, line));
}

Verdict hogs(DriverBench& bench) {
    bench.limits.valid = SYSP_LIMIT_MEMORY;
    bench.limits.memory_bytes = 64 * MiB;
    const Running run = bench.spawn(programs::hog());
    if (!run.up()) return fail("it does not start");
    const auto exit = bench.exit_of(run);
    if (!exit) return fail("its end is not reported");
    if (bench.output().find("survived") != std::string::npos) {
        return fail("a process gets 256 MiB with a limit of 64 MiB");
    }
    if (exit->exit_kind != SYSP_EXIT_SIGNAL || exit->exit_value != SIGKILL) {
        return pass("it is refused more, and not killed");
    }
    return (exit->exit_flags & SYSP_EXITF_OOM) != 0
               ? pass()
               : fail("it was killed for want of memory, and the exit has no SYSP_EXITF_OOM");
}

bool enforces(Case& c, std::uint32_t limit) {
    const auto kind = c.kind();
    return kind && ((*kind)->info.enforces & limit) != 0;
}

Verdict tells_of_memory(Case& c) {
    if (!enforces(c, SYSP_LIMIT_MEMORY)) return skip("it enforces no limit of memory");
    if (has_swap()) return skip("the machine has swap, where a hog may go");
    return with_driver<hogs>(c);
}

// --- processes

constexpr int processes_allowed = 20;

// Those that live in the session of a process.
int count_in_session(std::int64_t leader) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const pid_t pid = std::atoi(entry.path().filename().c_str());
        if (pid > 0 && ::getsid(pid) == leader && process_lives(pid)) ++count;
    }
    return count;
}

Verdict multiplies(DriverBench& bench) {
    bench.limits.valid = SYSP_LIMIT_PROCESSES;
    bench.limits.processes = processes_allowed;
    const Running run = bench.spawn(programs::multiply());
    if (!run.up() && run.error() == SYSP_E_CONFIG) return skip(bench.refusal);
    if (!run.up()) return fail("it does not start");
    const bool settled = bench.host.until(
        [&] {
            return !bench.host.exits(run.proc).empty() ||
                   bench.output().find("made") != std::string::npos;
        },
        bench.within(bench_patience));
    const int found = count_in_session(run.pid);
    const auto killed = bench.signal(run.proc, SYSP_SIG_KILL);
    const bool gone = bench.host.until([&] { return count_in_session(run.pid) == 0; },
                                       bench.within(bench_patience));
    if (!settled) return fail("it neither ends nor goes on");
    if (found > processes_allowed) {
        return fail(std::to_string(found) + " processes live with a limit of " +
                    std::to_string(processes_allowed));
    }
    return killed && !killed->error && gone ? pass() : fail("SYSP_SIG_KILL does not end them all");
}

Verdict confines_processes(Case& c) {
    if (!enforces(c, SYSP_LIMIT_PROCESSES)) return skip("it enforces no limit of processes");
    return with_driver<multiplies>(c);
}

constexpr std::array table{
    Item{"D10", 3, Subject::driver,
         "a process that got the number of a dead one is not taken for it", recycled_number},
    Item{"D25", 4, Subject::driver,
         "a limit of memory holds, and an end for want of it is told as such", tells_of_memory},
    Item{"D26", 4, Subject::driver, "a limit of processes holds, and KILL ends all that there are",
         confines_processes},
};

}  // namespace

std::span<const Item> kernel_items() {
    return table;
}

}  // namespace syspulse::conformance
