// X06: the plugin's process gets no more memory, as when it comes to its limit.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "conformance/driver_bench.hpp"
#include "conformance/isolated.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {
namespace {

// What a request carries, from next to nothing to more than any allocator has in reserve: sooner or
// later memory is wanted, by the plugin or by its host.
constexpr std::array<std::size_t, 6> sizes{16, 16, 1'000, 10'000, 400'000, 400'000};
constexpr std::size_t argument_max = 100'000;

// It keeps what it has.
bool starve(std::int64_t pid) {
    const rlimit nothing{0, 0};
    return ::prlimit(static_cast<pid_t>(pid), RLIMIT_DATA, &nothing, nullptr) == 0;
}

std::vector<std::string> program_with(std::size_t bytes) {
    std::vector<std::string> argv{"/bin/sh", "-c", "exit 0", "sh"};
    for (std::size_t left = bytes; left > 0;) {
        const std::size_t part = std::min(left, argument_max);
        argv.emplace_back(part, 'x');
        left -= part;
    }
    return argv;
}

// Ends the process, unless it has ended for want of memory, and waits for the next one.
bool replaced(Isolated& isolated, std::int64_t starved) {
    if (isolated.status().restarts == 0) ::kill(static_cast<pid_t>(starved), SIGKILL);
    return isolated.until([&] {
        const auto now = isolated.status();
        return now.restarts > 0 && now.pid != 0 && now.pid != starved;
    });
}

Verdict driver_starves(Isolated& isolated) {
    const Isolated::Run& run = isolated.spawn({"/bin/sleep", "600"});
    if (run.pid == 0) return skip("it does not start: see X01");
    const std::int64_t starved = isolated.status().pid;
    if (!starve(starved)) return skip("its memory cannot be limited from here");
    std::uint64_t number = 1;
    for (const std::size_t bytes : sizes) {
        if (isolated.status().restarts > 0) break;
        const Isolated::Run& more = isolated.spawn(program_with(bytes), ++number);
        if (more.pid == 0 && !more.failure) return fail("a start is not answered without memory");
        if (!process_lives(run.pid)) return fail("a daemon dies when its driver has no memory");
    }
    if (!replaced(isolated, starved)) return fail("no fresh process was started");
    if (!process_lives(run.pid)) return fail("a daemon dies when its driver has no memory");
    if (run.exit) return fail("an exit was reported that was none");
    isolated.processes().kill_tree(RunId{1}, {});
    return isolated.until([&run] { return run.exit.has_value(); })
               ? pass()
               : fail("a fresh process does not take the daemon over");
}

Verdict checker_starves(Case& c, Isolated& isolated) {
    if (c.author().pass.empty()) return skip("the author's file names no target that passes");
    const TargetServer server(TargetServer::Manner::reply, c.author().reply);
    const std::string target = server.in(c.author().pass);
    const auto passes = [&] {
        isolated.check(target);
        return isolated.report &&
               isolated.report->outcome == platform::CheckReport::Outcome::passed;
    };
    if (!passes()) return skip("what is to pass does not: see X01");
    const std::int64_t starved = isolated.status().pid;
    if (!starve(starved)) return skip("its memory cannot be limited from here");
    for (const std::size_t bytes : sizes) {
        if (isolated.status().restarts > 0) break;
        isolated.check(bytes < argument_max ? target : std::string(argument_max * 5, 'x'));
        if (!isolated.report) return fail("a check is not answered without memory");
    }
    if (!replaced(isolated, starved)) return fail("no fresh process was started");
    // The first may have been under way when the last process ended.
    const bool passes_again = passes() || passes();
    return passes_again ? pass() : fail("a fresh process does not pass what passed before");
}

Verdict starves(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    // That the process ends for want of memory is no news; it would say so on standard error.
    const platform::OwnedHandle nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    ::dup2(static_cast<int>(nowhere.get()), STDERR_FILENO);
    const PluginFolder folder(c);
    Isolated isolated(c, folder);
    if (!isolated.loaded()) return skip("it does not load");
    return c.is_driver() ? driver_starves(isolated) : checker_starves(c, isolated);
}

constexpr std::array table{
    Item{"X06", 4, Subject::kind,
         "its process gets no more memory: all is answered, daemons live, a fresh one takes over",
         starves},
};

}  // namespace

std::span<const Item> memory_items() {
    return table;
}

}  // namespace syspulse::conformance
