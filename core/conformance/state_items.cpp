// S: what belongs to the whole process.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstring>
#include <filesystem>

#include "conformance/case.hpp"
#include "conformance/driver_bench.hpp"

extern char** environ;

namespace syspulse::conformance {
namespace {

std::string process_state() {
    std::string state =
        std::filesystem::current_path().string() + "\n" + std::setlocale(LC_ALL, nullptr) + "\n";
    const mode_t mask = ::umask(0);
    ::umask(mask);
    state += std::to_string(mask) + "\n";
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action {};
        if (::sigaction(number, nullptr, &action) != 0) continue;
        state += std::to_string(reinterpret_cast<std::uintptr_t>(action.sa_handler)) + " ";
    }
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    for (int number = 1; number < NSIG; ++number)
        state += ::sigismember(&blocked, number) == 1 ? '1' : '0';
    for (int resource = 0; resource < RLIMIT_NLIMITS; ++resource) {
        rlimit limit{};
        ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
        state += "\n" + std::to_string(limit.rlim_cur) + " " + std::to_string(limit.rlim_max);
    }
    for (char** variable = environ; *variable != nullptr; ++variable) {
        state += std::string("\n") + *variable;
    }
    return state;
}

Verdict state_kept(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    const std::string before = process_state();
    exercise(c);
    return process_state() == before
               ? pass()
               : fail("directory, umask, locale, environment, limits or signals are changed");
}

Verdict children_visible(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    exercise(c);
    struct sigaction action {};
    ::sigaction(SIGCHLD, nullptr, &action);
    if (action.sa_handler == SIG_IGN) return fail("SIGCHLD is ignored");
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    return ::sigismember(&blocked, SIGCHLD) == 1 ? fail("SIGCHLD is blocked") : pass();
}

Verdict quiet(Case& c) {
    if (const auto kind = c.kind(); !kind) return skip(kind.error().message);
    const int kept = ::dup(STDOUT_FILENO);
    const int memory = ::memfd_create("stdout", MFD_CLOEXEC);
    ::dup2(memory, STDOUT_FILENO);
    exercise(c);
    ::dup2(kept, STDOUT_FILENO);
    ::close(kept);
    return ::lseek(memory, 0, SEEK_END) == 0 ? pass() : fail("it writes to standard output");
}

constexpr std::array table{
    Item{"S01", 3, Subject::kind, "directory, umask, locale, environment, limits, signals are kept",
         state_kept},
    Item{"S02", 3, Subject::kind, "SIGCHLD is neither blocked nor ignored", children_visible},
    Item{"S03", 3, Subject::kind, "nothing is written to standard output", quiet},
};

}  // namespace

std::span<const Item> state_items() {
    return table;
}

}  // namespace syspulse::conformance
