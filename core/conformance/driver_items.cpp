// D: how a driver runs, signals and watches processes; taking over is in recovery_items.cpp.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "conformance/driver_bench.hpp"
#include "platform/owned_handle.hpp"

namespace syspulse::conformance {
namespace {

const std::string forever = "trap '' TERM; echo ready; while :; do sleep 60; done";

Verdict ends_as(DriverBench& bench, const std::string& script, std::int32_t kind,
                std::int32_t value) {
    const Running run = bench.shell(script);
    if (!run.up()) return fail("\"" + script + "\" does not start");
    const auto exit = bench.exit_of(run);
    if (!exit) return fail("the end of \"" + script + "\" is never reported");
    if (exit->exit_kind == kind && exit->exit_value == value) return pass();
    return fail("\"" + script + "\" is reported as kind " + std::to_string(exit->exit_kind) +
                ", value " + std::to_string(exit->exit_value));
}

Verdict exits(DriverBench& bench) {
    for (const auto& [script, kind, value] :
         {std::tuple{"exit 0", SYSP_EXIT_CODE + 0, 0}, std::tuple{"exit 3", SYSP_EXIT_CODE + 0, 3},
          std::tuple{"kill -9 $$", SYSP_EXIT_SIGNAL + 0, SIGKILL},
          std::tuple{"kill -ABRT $$", SYSP_EXIT_SIGNAL + 0, SIGABRT}}) {
        const Verdict verdict = ends_as(bench, script, kind, value);
        if (verdict.outcome != Outcome::pass) return verdict;
    }
    return pass();
}

Verdict bad_programs(DriverBench& bench) {
    for (const char* program : {"/no/such/program", "/", "/etc/passwd"}) {
        const Running run = bench.spawn({program});
        if (run.up()) return fail(std::string(program) + " is reported as started");
        if (!run.refused && !run.answer) return fail(std::string("no answer for ") + program);
        const std::string why =
            run.answer ? run.answer->message : bench.host.last_error.value_or("");
        if (why.empty()) return fail(std::string("no reason is given for ") + program);
    }
    return pass();
}

Verdict exact_arguments(DriverBench& bench) {
    const std::vector<std::string> values{
        "two words", "it's \"quoted\"",      "line\nbreak",
        "",          "\xc3\xa4\xe2\x82\xac", std::string(100'000, 'x')};
    std::vector<std::string> argv{
        "/bin/sh", "-c", "for a in \"$@\"; do printf '%s|' \"$a\"; done; pwd; echo done", "sh"};
    argv.insert(argv.end(), values.begin(), values.end());
    const Running run = bench.spawn(argv);
    if (!run.up()) return fail("it does not start");
    if (!bench.exit_of(run)) return fail("its end is not reported");
    std::string expected;
    for (const std::string& value : values) expected += value + "|";
    expected += "/\ndone\n";
    return bench.output() == expected ? pass() : fail("arguments or directory arrive changed");
}

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

std::string status_field(std::int64_t pid, const std::string& name) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":"))
            return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
    return {};
}

Verdict clean_signals(DriverBench& bench) {
    const Running run = bench.spawn({"/bin/sleep", "60"});
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

Verdict exit_follows_start(DriverBench& bench) {
    for (int i = 0; i < 100; ++i) {
        const Running run = bench.spawn({"/bin/true"});
        if (!run.up() || !bench.exit_of(run)) return fail("a start or an end was not reported");
        bench.release(run.proc);
    }
    // Processes are started one by one: an exit before the start's answer stands before it.
    const auto events = bench.host.events();
    std::size_t starts = 0;
    std::size_t ends = 0;
    for (const Event& event : events) {
        starts += event.what == Event::What::spawn ? 1U : 0U;
        ends += event.what == Event::What::exit ? 1U : 0U;
        if (ends > starts) return fail("an exit is reported before its start");
    }
    return pass();
}

Verdict tokens_differ(DriverBench& bench) {
    const Running one = bench.spawn({"/bin/sleep", "60"});
    const Running two = bench.spawn({"/bin/sleep", "60"});
    if (!one.up() || !two.up()) return fail("it does not start");
    if (one.token.empty() || one.token.size() > 4096) {
        return fail("a token of " + std::to_string(one.token.size()) + " bytes");
    }
    return one.token != two.token ? pass() : fail("two processes have the same token");
}

Verdict signals_arrive(DriverBench& bench) {
    const Running polite =
        bench.shell("trap 'exit 7' TERM; echo polite; while :; do sleep 0.1; done");
    if (!polite.up() || !bench.wait_for_output("polite")) return fail("it does not start");
    const auto sent = bench.signal(polite.proc, SYSP_SIG_TERMINATE);
    if (!sent || sent->error) return fail("SYSP_SIG_TERMINATE fails");
    const auto left = bench.exit_of(polite);
    if (!left || left->exit_value != 7) return fail("SYSP_SIG_TERMINATE did not reach the handler");
    const Running stubborn = bench.shell(forever);
    if (!stubborn.up() || !bench.wait_for_output("ready")) return fail("it does not start");
    const auto killed = bench.signal(stubborn.proc, SYSP_SIG_KILL);
    if (!killed || killed->error) return fail("SYSP_SIG_KILL fails");
    const auto dead = bench.exit_of(stubborn);
    return dead && dead->exit_value == SIGKILL ? pass() : fail("SYSP_SIG_KILL did not end it");
}

Verdict kills_tree(DriverBench& bench) {
    const Running run = bench.shell("sleep 61 & echo child $! ; echo ready; wait");
    if (!run.up() || !bench.wait_for_output("ready")) return fail("it does not start");
    std::istringstream text(bench.output());
    std::string word;
    std::int64_t child = 0;
    text >> word >> child;
    const auto killed = bench.signal(run.proc, SYSP_SIG_KILL);
    if (!killed || killed->error || !bench.exit_of(run)) return fail("SYSP_SIG_KILL fails");
    if (bench.host.until([&] { return !process_lives(child); },
                         bench.within(std::chrono::seconds{3}))) {
        return pass();
    }
    ::kill(static_cast<pid_t>(child), SIGKILL);
    return fail("a child survives SYSP_SIG_KILL");
}

Verdict signals_to_the_dead(DriverBench& bench) {
    const Running run = bench.spawn({"/bin/true"});
    if (!run.up() || !bench.exit_of(run)) return fail("it does not run");
    const auto dead = bench.signal(run.proc, SYSP_SIG_TERMINATE);
    if (!dead) return fail("no answer");
    if (dead->error) return fail("a signal to an exited process is an error");
    bench.release(run.proc);
    for (const sysp_proc proc : {run.proc, sysp_proc{77}}) {
        const auto gone = bench.signal(proc, SYSP_SIG_TERMINATE);
        if (!gone) return fail("no answer for an unknown process");
        if (gone->error && *gone->error != SYSP_E_NOT_FOUND) {
            return fail("an unknown process gives " + std::to_string(*gone->error));
        }
    }
    return pass();
}

Verdict os_signals(DriverBench& bench) {
    const Running run =
        bench.shell("trap 'echo usr1' USR1; echo ready; while :; do sleep 0.1; done");
    if (!run.up() || !bench.wait_for_output("ready")) return fail("it does not start");
    const auto sent = bench.signal(run.proc, SYSP_SIG_OS, SIGUSR1);
    if (!sent || sent->error) return fail("SIGUSR1 cannot be sent");
    if (!bench.wait_for_output("usr1")) return fail("SIGUSR1 does not arrive");
    const auto odd = bench.signal(run.proc, SYSP_SIG_OS, 4711);
    if (!odd || !odd->error) return fail("signal 4711 is said to have been sent");
    return process_lives(run.pid) ? pass() : fail("signal 4711 ended the process");
}

Verdict releases(DriverBench& bench) {
    const Running run = bench.spawn({"/bin/sleep", "60"});
    if (!run.up()) return fail("it does not start");
    bench.release(run.proc);
    bench.release(run.proc);
    bench.release(4711);
    bench.host.settle(std::chrono::milliseconds{100});
    return process_lives(run.pid) ? pass() : fail("release ended the process");
}

Verdict silent_after_release(DriverBench& bench) {
    const Running run = bench.spawn({"/bin/sleep", "60"});
    if (!run.up()) return fail("it does not start");
    bench.release(run.proc);
    ::kill(static_cast<pid_t>(run.pid), SIGKILL);
    bench.host.settle(std::chrono::milliseconds{300});
    return bench.host.exits(run.proc).empty() ? pass() : fail("an exit follows the release");
}

Verdict inspects(DriverBench& bench) {
    const Running run = bench.spawn({"/bin/sleep", "60"});
    if (!run.up()) return fail("it does not start");
    const auto alive = bench.inspect(run.proc);
    if (!alive || alive->error) return fail("inspect of a live process fails");
    if (!bench.host.exits(run.proc).empty()) return fail("a live process is reported as ended");
    bench.signal(run.proc, SYSP_SIG_KILL);
    if (!bench.exit_of(run)) return fail("its end is not reported");
    const auto dead = bench.inspect(run.proc);
    if (!dead || dead->error) return fail("inspect of an exited process fails");
    if (bench.host.exits(run.proc).size() < 2) return fail("inspect does not repeat the exit");
    const auto unknown = bench.inspect(4711);
    if (!unknown || !unknown->error || *unknown->error != SYSP_E_NOT_FOUND) {
        return fail("inspect of an unknown process is not SYSP_E_NOT_FOUND");
    }
    return pass();
}

Verdict measures(DriverBench& bench) {
    if (bench.trial->driver().stats == nullptr) return skip("it has no stats");
    const Running run = bench.shell("echo ready; while :; do :; done");
    if (!run.up() || !bench.wait_for_output("ready")) return fail("it does not start");
    std::uint64_t before = 0;
    for (int i = 0; i < 3; ++i) {
        const auto measured = bench.stats(run.proc);
        if (!measured || measured->error) return fail("stats fails");
        const sysp_stats& stats = measured->stats;
        if ((stats.valid & SYSP_STAT_CPU) != 0 && stats.cpu_ns < before) {
            return fail("the CPU time goes back");
        }
        if ((stats.valid & SYSP_STAT_RSS) != 0 &&
            (stats.rss_bytes < 4096 || stats.rss_bytes > (1ULL << 40))) {
            return fail("the process has " + std::to_string(stats.rss_bytes) + " bytes of memory");
        }
        before = stats.cpu_ns;
        bench.host.settle(std::chrono::milliseconds{30});
    }
    return pass();
}

Verdict cycles(DriverBench& bench) {
    const auto round = [&] {
        const Running run = bench.spawn({"/bin/true"});
        if (!run.up() || !bench.exit_of(run)) return false;
        bench.release(run.proc);
        return true;
    };
    for (int i = 0; i < 5; ++i) {
        if (!round()) return fail("it does not run");
    }
    const Usage before = usage();
    for (int i = 0; i < 60; ++i) {
        if (!round()) return fail("it does not run");
    }
    const auto settled = [&] { return usage().descriptors <= before.descriptors + 2; };
    if (!bench.host.until(settled, bench.within(std::chrono::seconds{3}))) {
        return fail(std::to_string(usage().descriptors - before.descriptors) +
                    " descriptors leak in 60 runs");
    }
    if (usage().threads > before.threads + 1) return fail("threads leak");
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    std::size_t left = 0;
    for (std::int64_t pid = 0; children >> pid;) left += process_lives(pid) ? 0U : 1U;
    return left <= 1 ? pass() : fail(std::to_string(left) + " zombies are left");
}

Verdict many_at_once(DriverBench& bench) {
    std::vector<Running> runs;
    for (int i = 0; i < 32; ++i) {
        runs.push_back(
            bench.shell("sleep 0." + std::to_string((i * 7) % 10) + "; exit " + std::to_string(i)));
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (!runs[i].up()) return fail("it does not start");
        const auto exit = bench.exit_of(runs[i]);
        if (!exit) return fail("one of 32 exits is never reported");
        if (exit->exit_value != static_cast<std::int32_t>(i)) return fail("exits are mixed up");
    }
    return pass();
}

Verdict keeps(DriverBench& bench) {
    const Running run = bench.spawn({"/bin/sleep", "60"});
    if (!run.up()) return fail("it does not start");
    if (run.answer->kept == 0) return skip("it hands nothing over");
    return run.answer->outcome != -1 ? pass() : fail("a kept handle is inherited by children");
}

constexpr std::array table{
    Item{"D01", 3, Subject::driver, "how a process ended is reported as it was",
         with_driver<exits>},
    Item{"D02", 3, Subject::driver, "what is no program is refused with a reason",
         with_driver<bad_programs>},
    Item{"D03", 3, Subject::driver, "arguments and directory arrive exactly",
         with_driver<exact_arguments>},
    Item{"D04", 3, Subject::driver, "the environment is the given one, nothing else is inherited",
         with_driver<exact_environment>},
    Item{"D05", 3, Subject::driver, "signals are at their defaults, the session is a new one",
         with_driver<clean_signals>},
    Item{"D06", 3, Subject::driver, "the start is reported before the end, 100 times",
         with_driver<exit_follows_start>},
    Item{"D07", 3, Subject::driver, "tokens are short, not empty and differ",
         with_driver<tokens_differ>},
    Item{"D14", 3, Subject::driver, "TERMINATE reaches a handler, KILL ends everything",
         with_driver<signals_arrive>},
    Item{"D15", 3, Subject::driver, "KILL ends children too", with_driver<kills_tree>},
    Item{"D16", 3, Subject::driver,
         "signals to exited, released and unknown processes are harmless",
         with_driver<signals_to_the_dead>},
    Item{"D17", 3, Subject::driver, "signals of the system are passed on, impossible ones refused",
         with_driver<os_signals>},
    Item{"D18", 3, Subject::driver, "release never kills, also twice, also of unknown processes",
         with_driver<releases>},
    Item{"D19", 3, Subject::driver, "after release a process is not heard of again",
         with_driver<silent_after_release>},
    Item{"D21", 3, Subject::driver, "inspect: alive, exited (repeated), unknown",
         with_driver<inspects>},
    Item{"D22", 3, Subject::driver, "what stats gives is plausible", with_driver<measures>},
    Item{"D23", 4, Subject::driver, "many runs leave no descriptor, thread or zombie",
         with_driver<cycles>},
    Item{"D24", 4, Subject::driver, "32 processes at once, every exit reported, none mixed up",
         with_driver<many_at_once>},
    Item{"D27", 4, Subject::driver, "handles to keep are close-on-exec", with_driver<keeps>},
};

}  // namespace

std::span<const Item> driver_items() {
    return table;
}

}  // namespace syspulse::conformance
