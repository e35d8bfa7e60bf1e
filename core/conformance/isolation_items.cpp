// X: the same plugin in a process of its own, below the real host of the manager.
#include <array>

#include "base/signals.hpp"
#include "conformance/driver_bench.hpp"
#include "conformance/isolated.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {
namespace {

using CheckOutcome = platform::CheckReport::Outcome;

std::string_view to_text(CheckOutcome outcome) {
    switch (outcome) {
        case CheckOutcome::passed:
            return "passed";
        case CheckOutcome::failed:
            return "failed";
        case CheckOutcome::errored:
            return "not checked";
        case CheckOutcome::lost:
            return "lost";
    }
    return "";
}

// What the checker says in this process; nothing when it does not answer.
std::optional<CheckOutcome> verdict_here(Case& c, const plugin_host::LoadedKind& kind,
                                         const std::string& target) {
    KitHost host;
    Trial trial(host, kind, c.configs().front());
    if (!trial.created()) return std::nullopt;
    const auto answer = trial.check(target);
    if (!answer) return std::nullopt;
    if (answer->error) return CheckOutcome::errored;
    if (answer->outcome == SYSP_CHECK_FAIL) return CheckOutcome::failed;
    const bool good = answer->outcome == SYSP_CHECK_PASS || answer->outcome == SYSP_CHECK_WARN;
    return good ? CheckOutcome::passed : CheckOutcome::errored;
}

bool is(const ExitStatus& status, const ExitStatus& expected) {
    return status.kind == expected.kind && status.value == expected.value;
}

Verdict same_exit(Case& c, Isolated& isolated) {
    const Words program = programs::end_with(3);
    DriverBench bench(c);
    if (!bench.ready()) return skip("create fails");
    const Running run = bench.spawn(program);
    const auto here = run.up() ? bench.exit_of(run) : std::nullopt;
    if (!here) return skip("in this process it does not run: see D01");
    const Isolated::Run& same = isolated.spawn(program);
    if (same.failure) return fail("it does not start: " + *same.failure);
    if (!isolated.until([&] { return same.exit.has_value(); })) {
        return fail("the exit is not reported");
    }
    const ExitStatus expected = here->exit_kind == SYSP_EXIT_CODE
                                    ? ExitStatus::exited(here->exit_value)
                                    : ExitStatus::signalled(here->exit_value);
    return is(*same.exit, expected)
               ? pass()
               : fail(describe(expected) + " is reported as " + describe(*same.exit));
}

Verdict same_verdicts(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    const PluginFolder folder(c);
    Isolated isolated(c, folder);
    if (!isolated.loaded()) return skip("it does not load");
    if (c.is_driver()) return same_exit(c, isolated);
    if (c.author().pass.empty()) return skip("the author's file names no target that passes");
    const TargetServer server(TargetServer::Manner::reply, c.author().reply);
    const TargetServer closed(TargetServer::Manner::refuse);
    for (const std::string& target : {server.in(c.author().pass), closed.in(c.author().fail)}) {
        if (target.empty()) continue;
        const auto here = verdict_here(c, **kind, target);
        if (!here) return skip("in this process it gives no verdict: see C02 and H02");
        isolated.check(target);
        if (!isolated.report) return fail("no answer for " + target);
        if (isolated.report->outcome == *here) continue;
        return fail(target + " is " + std::string(to_text(isolated.report->outcome)) + " (" +
                    isolated.report->message + "), in this process it is " +
                    std::string(to_text(*here)));
    }
    return pass();
}

// The plugin's process is killed, or the watchdog finds that it hangs.
enum class Loss : std::uint8_t { killed, hanging };

void lose(std::int64_t pid, Loss loss) {
    loss == Loss::killed ? kill_process(pid) : halt_process(pid);
}

Verdict survives(Case& c, Loss loss) {
    const PluginFolder folder(c);
    Isolated isolated(c, folder);
    if (!isolated.loaded()) return skip("it does not load");
    if (!c.is_driver()) {
        if (c.author().pass.empty()) return skip("the author's file names no target that passes");
        const TargetServer server(TargetServer::Manner::reply, c.author().reply);
        const std::string target = server.in(c.author().pass);
        isolated.check(target);
        if (!isolated.report) return fail("no answer");
        if (isolated.report->outcome != CheckOutcome::passed) {
            return skip("what is to pass does not: see C02 and H04");
        }
        lose(isolated.status().pid, loss);
        isolated.check(target);  // Lost, or answered by the next process already.
        if (!isolated.report) return fail("no answer after the loss");
        isolated.check(target);
        if (!isolated.report || isolated.report->outcome != CheckOutcome::passed) {
            return fail("a fresh process does not pass what passed before");
        }
        return isolated.status().restarts > 0 ? pass() : fail("the process was not replaced");
    }
    const Isolated::Run& run = isolated.spawn(programs::wait_to_be_ended());
    if (run.pid == 0) return fail("it does not start: " + run.failure.value_or("no answer"));
    const auto kill_tree = [&isolated] { isolated.processes().kill_tree(RunId{1}, {}); };
    const std::int64_t before = isolated.status().pid;
    lose(before, loss);
    if (loss == Loss::hanging) kill_tree();  // Somebody has to want something of it.
    if (loss == Loss::killed) {
        if (!isolated.until([&] {
                const auto now = isolated.status();
                return now.restarts > 0 && now.pid != 0 && now.pid != before;
            })) {
            return fail("no fresh process was started");
        }
        if (!process_lives(run.pid)) return fail("the daemon died with the plugin's process");
        if (run.exit) return fail("an exit was reported that was none");
        kill_tree();
    }
    if (!isolated.until([&] { return run.exit.has_value(); })) {
        return fail("the exit is not seen after the loss");
    }
    return is(*run.exit, ExitStatus::signalled(kill_number))
               ? pass()
               : fail("SIGKILL is reported as " + describe(*run.exit));
}

Verdict survives_kill(Case& c) {
    return survives(c, Loss::killed);
}

Verdict survives_stop(Case& c) {
    return survives(c, Loss::hanging);
}

constexpr std::uint64_t daemons = 10;

// Whether the daemon heeds a request to end, which only a driver that has it can pass on.
bool ends(Isolated& isolated, std::uint64_t number) {
    Isolated::Run& run = isolated.run(number);
    isolated.processes().signal(RunId{number}, signal_number::terminate,
                                [&run](const Result<void>& sent) {
                                    if (!sent) run.failure = sent.error().message;
                                });
    isolated.until([&run] { return run.exit || run.failure; });
    return run.exit && ended_as_asked(*run.exit);
}

// The last one only shows that they can be ended.
bool start_daemons(Isolated& isolated) {
    for (std::uint64_t number = 1; number <= daemons + 1; ++number) {
        if (isolated.spawn(programs::wait_to_be_ended(), number).pid == 0) return false;
    }
    return ends(isolated, daemons + 1);
}

// Everything that runs is in the hands of the new process.
Verdict all_end(Isolated& isolated) {
    for (std::uint64_t number = 1; number <= daemons; ++number) {
        const Isolated::Run& run = isolated.run(number);
        if (run.exit || !process_lives(run.pid)) return fail("a daemon ended with the old file");
    }
    for (std::uint64_t number = 1; number <= daemons; ++number) {
        if (ends(isolated, number)) continue;
        return fail("a daemon was not taken over: " +
                    isolated.run(number).failure.value_or("it heeds no request to end"));
    }
    return pass();
}

Verdict upgrades(Case& c) {
    if (!c.is_driver() && c.author().pass.empty()) {
        return skip("the author's file names no target that passes");
    }
    const TargetServer server(TargetServer::Manner::reply, c.author().reply);
    const std::string target = server.in(c.author().pass);
    const PluginFolder folder(c, PluginFolder::Manner::copy);
    Isolated isolated(c, folder);
    if (!isolated.loaded()) return skip("a copy of it does not load");
    const bool works = c.is_driver() ? start_daemons(isolated) : isolated.passes(target);
    if (!works) return skip("in a process of its own it does not work: see X01 and D14");
    const std::int64_t before = isolated.status().pid;
    if (!folder.replace()) return skip("the copy cannot be replaced");
    if (const auto reloaded = isolated.reload(); !reloaded) return fail(reloaded.error().message);
    if (isolated.status().pid == before) return fail("the old process goes on");
    if (c.is_driver()) return all_end(isolated);
    return isolated.passes(target) ? pass() : fail("the new process does not pass");
}

constexpr std::array table{
    Item{"X01", 3, Subject::kind, "in a process of its own the verdicts are the same",
         same_verdicts},
    Item{"X02", 3, Subject::kind, "its process is killed: daemons live, a fresh one takes over",
         survives_kill},
    Item{"X03", 3, Subject::kind, "its process hangs: it is replaced, and a kill is not delayed",
         survives_stop},
    Item{"X05", 4, Subject::kind, "another build takes over from it, with ten daemons that run",
         upgrades},
};

}  // namespace

std::span<const Item> isolation_items() {
    return table;
}

}  // namespace syspulse::conformance
