#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "conformance/system_items.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::conformance {
namespace {

// With a descriptor in the host that only the driver can keep back.
Verdict nothing_inherited(DriverBench& bench) {
    constexpr int high = 20;
    const platform::OwnedHandle null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const platform::OwnedHandle open_in_host(::fcntl(static_cast<int>(null.get()), F_DUPFD, high));
    if (!open_in_host) return skip("cannot open /dev/null");
    const std::size_t before = bench.output().size();
    const Running fds = bench.spawn({"/bin/ls", "/proc/self/fd"});
    if (!fds.up() || !bench.exit_of(fds)) return fail("ls does not run");
    // ls itself has the directory open as 3.
    std::string found = bench.output().substr(before);
    if (found == "0\n1\n2\n3\n") return pass();
    std::replace(found.begin(), found.end(), '\n', ' ');
    return fail("more than the descriptors 0 to 2 is inherited; open are " + found);
}

std::string status_field(std::int64_t pid, const std::string& name) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":"))
            return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
    return {};
}

}  // namespace

Verdict exact_environment(DriverBench& bench) {
    bench.env = {"PATH=/usr/bin:/bin", "ODD=a b=c"};
    const Running run = bench.spawn({"/usr/bin/env"});
    if (!run.up() || !bench.exit_of(run)) return fail("env does not run");
    std::istringstream lines(bench.output());
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);) found.push_back(line);
    std::sort(found.begin(), found.end());
    const std::vector<std::string> expected{"ODD=a b=c", "PATH=/usr/bin:/bin",
                                            "SYSPULSE_RUN_ID=" + run.run_id};
    if (found != expected) return fail("the environment is " + bench.output());
    return nothing_inherited(bench);
}

Verdict clean_signals(DriverBench& bench) {
    const Running run = bench.spawn(programs::wait_to_be_ended());
    if (!run.up()) return fail("it does not start");
    // Signals 32 and 33 belong to the C library, whose posix_spawn leaves them ignored.
    constexpr std::uint64_t of_the_library = 3ULL << 31;
    for (const char* field : {"SigBlk", "SigIgn"}) {
        const std::string value = status_field(run.pid, field);
        const std::uint64_t bits = std::strtoull(value.c_str(), nullptr, 16);
        if (value.empty() || (bits & ~of_the_library) != 0) {
            return fail(std::string(field) + " of the process is " + value);
        }
    }
    if (::getsid(static_cast<pid_t>(run.pid)) == ::getsid(0)) {
        return fail("the process has no session of its own");
    }
    return pass();
}

Verdict os_signals(DriverBench& bench) {
    const Running run = bench.spawn(
        {"/bin/sh", "-c", "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.1; done"});
    if (!run.up() || !bench.wait_for_output("ready")) return fail("it does not start");
    const auto sent = bench.signal(run.proc, SYSP_SIG_OS, SIGUSR1);
    if (!sent || sent->error) return fail("SIGUSR1 cannot be sent");
    if (!bench.wait_for_output("usr1")) return fail("SIGUSR1 does not arrive");
    const auto odd = bench.signal(run.proc, SYSP_SIG_OS, 4711);
    if (!odd || !odd->error) return fail("signal 4711 is said to have been sent");
    return process_lives(run.pid) ? pass() : fail("signal 4711 ended the process");
}

}  // namespace syspulse::conformance
