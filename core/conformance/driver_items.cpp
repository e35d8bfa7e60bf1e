// D: how a driver runs, signals and watches processes; taking over is in recovery_items.cpp.
#include <array>
#include <set>
#include <sstream>

#include "base/signals.hpp"
#include "conformance/driver_bench.hpp"
#include "conformance/system_items.hpp"

namespace syspulse::conformance {
namespace {

Verdict exits(DriverBench& bench) {
    for (const Ending& ending : endings()) {
        const Running run = bench.spawn(ending.argv);
        if (!run.up()) return fail(ending.name + " does not start");
        const auto exit = bench.exit_of(run);
        if (!exit) return fail("the end of " + ending.name + " is never reported");
        if (exit->exit_kind != ending.kind || exit->exit_value != ending.value) {
            return fail(ending.name + " is reported as kind " + std::to_string(exit->exit_kind) +
                        ", value " + std::to_string(exit->exit_value));
        }
    }
    return pass();
}

Verdict bad_programs(DriverBench& bench) {
    for (const std::string& program : no_programs()) {
        const Running run = bench.spawn({program});
        if (run.up()) return fail(program + " is reported as started");
        if (!run.refused && !run.answer) return fail("no answer for " + program);
        const std::string why =
            run.answer ? run.answer->message : bench.host.last_error.value_or("");
        if (why.empty()) return fail("no reason is given for " + program);
    }
    return pass();
}

Verdict exact_arguments(DriverBench& bench) {
    const Words values = awkward_values();
    const Running run = bench.spawn(programs::echo(values));
    if (!run.up()) return fail("it does not start");
    if (!bench.exit_of(run)) return fail("its end is not reported");
    std::string expected;
    for (const std::string& value : values) expected += value + "|";
    expected += root_directory() + "\ndone\n";
    return bench.output() == expected ? pass() : fail("arguments or directory arrive changed");
}

Verdict exit_follows_start(DriverBench& bench) {
    for (int i = 0; i < 100; ++i) {
        const Running run = bench.spawn(programs::end_with(0));
        const std::string which = "of " + std::to_string(i + 1) + " processes in a row the last ";
        if (!run.up()) return fail(which + "does not start");
        if (!bench.exit_of(run)) return fail(which + "has no end that is reported");
        bench.release(run.proc);
    }
    // Processes are started one by one: an exit before the start's answer stands before it.
    const auto events = bench.host.events();
    std::size_t starts = 0;
    std::set<sysp_proc> ended;  // An exit may be reported more than once.
    for (const Event& event : events) {
        starts += event.what == Event::What::spawn ? 1U : 0U;
        if (event.what == Event::What::exit) ended.insert(event.proc);
        if (ended.size() > starts) return fail("an exit is reported before its start");
    }
    return pass();
}

Verdict tokens_differ(DriverBench& bench) {
    const Running one = bench.spawn(programs::wait_to_be_ended());
    const Running two = bench.spawn(programs::wait_to_be_ended());
    if (!one.up() || !two.up()) return fail("it does not start");
    if (one.token.empty() || one.token.size() > 4096) {
        return fail("a token of " + std::to_string(one.token.size()) + " bytes");
    }
    return one.token != two.token ? pass() : fail("two processes have the same token");
}

Verdict signals_arrive(DriverBench& bench) {
    const Running polite = bench.spawn(programs::be_polite());
    if (!polite.up() || !bench.wait_for_output("polite")) return fail("it does not start");
    const auto sent = bench.signal(polite.proc, SYSP_SIG_TERMINATE);
    if (!sent || sent->error) return fail("SYSP_SIG_TERMINATE fails");
    const auto left = bench.exit_of(polite);
    if (!left || left->exit_value != programs::polite_code)
        return fail("SYSP_SIG_TERMINATE did not reach the handler");
    const Running stubborn = bench.spawn(programs::be_stubborn());
    if (!stubborn.up() || !bench.wait_for_output("ready")) return fail("it does not start");
    const auto killed = bench.signal(stubborn.proc, SYSP_SIG_KILL);
    if (!killed || killed->error) return fail("SYSP_SIG_KILL fails");
    const auto dead = bench.exit_of(stubborn);
    return dead && dead->exit_value == kill_number ? pass() : fail("SYSP_SIG_KILL did not end it");
}

Verdict kills_tree(DriverBench& bench) {
    const Running run = bench.spawn(programs::have_a_child());
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
    kill_process(child);
    return fail("a child survives SYSP_SIG_KILL");
}

Verdict signals_to_the_dead(DriverBench& bench) {
    const Running run = bench.spawn(programs::end_with(0));
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

Verdict releases(DriverBench& bench) {
    const Running run = bench.spawn(programs::wait_to_be_ended());
    if (!run.up()) return fail("it does not start");
    bench.release(run.proc);
    bench.release(run.proc);
    bench.release(4711);
    bench.host.settle(std::chrono::milliseconds{100});
    return process_lives(run.pid) ? pass() : fail("release ended the process");
}

Verdict silent_after_release(DriverBench& bench) {
    const Running run = bench.spawn(programs::wait_to_be_ended());
    if (!run.up()) return fail("it does not start");
    bench.release(run.proc);
    kill_process(run.pid);
    bench.host.settle(std::chrono::milliseconds{300});
    return bench.host.exits(run.proc).empty() ? pass() : fail("an exit follows the release");
}

Verdict inspects(DriverBench& bench) {
    const Running run = bench.spawn(programs::wait_to_be_ended());
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
    const Running run = bench.spawn(programs::burn());
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
        const Running run = bench.spawn(programs::end_with(0));
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
    const std::size_t left = children_to_collect();
    if (left > 1) return fail(std::to_string(left) + " zombies are left");
    return before.descriptors == 0 ? pass("the system does not count handles") : pass();
}

Verdict many_at_once(DriverBench& bench) {
    std::vector<Running> runs;
    for (int i = 0; i < 32; ++i) {
        runs.push_back(bench.spawn(programs::end_later((i * 7) % 10, i)));
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
    const Running run = bench.spawn(programs::wait_to_be_ended());
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
