// X: the same plugin in a process of its own, below the real host of the manager.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "conformance/case.hpp"
#include "conformance/driver_bench.hpp"
#include "conformance/target_server.hpp"
#include "platform/orphan_reaper.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::conformance {
namespace {

// The manager's plugin host with nothing but this plugin, isolated.
class Isolated : public platform::ProcessObserver, public platform::CheckObserver {
  public:
    explicit Isolated(Case& c)
        : clock_(platform::make_system_clock()), loop_(*platform::make_event_loop(*clock_)) {
        static_cast<void>(platform::become_subreaper());
        std::string folder = (std::filesystem::temp_directory_path() / "kit-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr) return;
        folder_ = folder;
        std::filesystem::create_symlink(c.file(), folder_ / "plugin.so");
        plugin_host::HostOptions options;
        options.search_paths = {folder_};
        options.isolation.emplace();
        options.isolation->policy = [](const plugin_host::PluginInfo&) {
            plugin_host::IsolationPolicy policy;
            policy.watchdog = std::chrono::seconds{2};
            policy.backoff_base = std::chrono::milliseconds{10};
            return policy;
        };
        auto host = plugin_host::PluginHost::create(*loop_, *clock_, std::move(options));
        if (!host) return;
        host_ = std::move(*host);
        host_->processes().set_observer(this);
        host_->checks().set_observer(this);
    }
    // As the manager ends a run: what is left of it is killed, then the driver may forget it. That
    // takes a driver's process that lives.
    ~Isolated() override {
        if (pid > 1) {
            bool killed = false;
            host_->processes().kill_tree(RunId{1},
                                         [&killed](const Result<void>&) { killed = true; });
            until([&] { return killed; });
            until([this] { return exit.has_value(); });
            host_->processes().release(RunId{1});
        }
        host_.reset();
        std::error_code error;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
    }

    bool loaded() const {
        return host_ && !host_->catalog().plugins().empty() &&
               host_->catalog().plugins().front().loaded();
    }
    std::string plugin_id() const { return host_->catalog().plugins().front().id; }
    plugin_host::HostStatus status() const {
        return host_->host(plugin_id()).value_or(plugin_host::HostStatus{});
    }

    void check(Case& c, const std::string& target) {
        report.reset();
        platform::CheckRequest request;
        request.check = CheckId{++checks_};
        request.daemon = DaemonKey{1};
        request.unit = "kit";
        request.checker = c.kind_name().substr(c.kind_name().find(' ') + 1);
        request.target = target;
        request.options_json = c.configs().front();
        request.pid = -1;
        request.timeout = std::chrono::seconds{5};
        host_->checks().start(request);
        until([this] { return report.has_value(); });
    }
    void spawn(Case& c, const std::vector<std::string>& argv) {
        platform::SpawnRequest request;
        request.run = RunId{1};
        request.run_id = "kit-isolated-" + std::to_string(::getpid());
        request.unit = "kit";
        request.driver = c.kind_name().substr(c.kind_name().find(' ') + 1);
        request.argv = argv;
        request.options_json = c.process_options().front();
        request.env = {"PATH=/usr/bin:/bin", "SYSPULSE_RUN_ID=" + request.run_id};
        request.working_dir = "/";
        host_->processes().spawn(request);
        until([this] { return pid != 0 || failure; });
    }
    void kill_tree() { host_->processes().kill_tree(RunId{1}, {}); }

    bool until(const std::function<bool()>& reached) {
        const Instant end = clock_->now().mono + bench_patience;
        while (!reached()) {
            if (clock_->now().mono >= end) return false;
            const auto timer = loop_->start_timer(clock_->now().mono + std::chrono::milliseconds{5},
                                                  [this] { loop_->stop(); });
            loop_->run();
            loop_->cancel_timer(timer);
        }
        return true;
    }

    void spawned(RunId, const platform::SpawnedProcess& process) override { pid = process.pid; }
    void spawn_failed(RunId, const Error& error) override { failure = error.message; }
    void recover_failed(RunId, const Error& error) override { failure = error.message; }
    void exited(RunId, const ExitStatus& status) override { exit = status; }
    void checked(CheckId, const platform::CheckReport& answer) override { report = answer; }

    std::int64_t pid = 0;
    std::optional<std::string> failure;
    std::optional<ExitStatus> exit;
    std::optional<platform::CheckReport> report;

  private:
    std::unique_ptr<platform::Clock> clock_;
    std::unique_ptr<platform::EventLoop> loop_;
    std::filesystem::path folder_;
    std::unique_ptr<plugin_host::PluginHost> host_;
    std::uint64_t checks_ = 0;
};

bool is_driver(Case& c) {
    return c.kind_name().starts_with("driver ");
}

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

Verdict same_exit(Case& c, Isolated& isolated) {
    const std::vector<std::string> program{"/bin/sh", "-c", "exit 3"};
    DriverBench bench(c);
    if (!bench.ready()) return skip("create fails");
    const Running run = bench.spawn(program);
    const auto here = run.up() ? bench.exit_of(run) : std::nullopt;
    if (!here) return skip("in this process it does not run: see D01");
    isolated.spawn(c, program);
    if (isolated.failure) return fail("it does not start: " + *isolated.failure);
    if (!isolated.until([&] { return isolated.exit.has_value(); })) {
        return fail("the exit is not reported");
    }
    const ExitStatus expected = here->exit_kind == SYSP_EXIT_CODE
                                    ? ExitStatus::exited(here->exit_value)
                                    : ExitStatus::signalled(here->exit_value);
    const bool same =
        isolated.exit->kind == expected.kind && isolated.exit->value == expected.value;
    return same ? pass() : fail(describe(expected) + " is reported as " + describe(*isolated.exit));
}

Verdict same_verdicts(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    Isolated isolated(c);
    if (!isolated.loaded()) return skip("it does not load");
    if (is_driver(c)) return same_exit(c, isolated);
    if (c.author().pass.empty()) return skip("the author's file names no target that passes");
    const TargetServer server(TargetServer::Manner::reply, c.author().reply);
    const TargetServer closed(TargetServer::Manner::refuse);
    for (const std::string& target : {server.in(c.author().pass), closed.in(c.author().fail)}) {
        if (target.empty()) continue;
        const auto here = verdict_here(c, **kind, target);
        if (!here) return skip("in this process it gives no verdict: see C02 and H02");
        isolated.check(c, target);
        if (!isolated.report) return fail("no answer for " + target);
        if (isolated.report->outcome == *here) continue;
        return fail(target + " is " + std::string(to_text(isolated.report->outcome)) + " (" +
                    isolated.report->message + "), in this process it is " +
                    std::string(to_text(*here)));
    }
    return pass();
}

// The plugin's process ends, by SIGKILL or because the watchdog finds it stopped.
Verdict survives(Case& c, int signal) {
    Isolated isolated(c);
    if (!isolated.loaded()) return skip("it does not load");
    if (!is_driver(c)) {
        if (c.author().pass.empty()) return skip("the author's file names no target that passes");
        const TargetServer server(TargetServer::Manner::reply, c.author().reply);
        const std::string target = server.in(c.author().pass);
        isolated.check(c, target);
        if (!isolated.report) return fail("no answer");
        if (isolated.report->outcome != CheckOutcome::passed) {
            return skip("what is to pass does not: see C02 and H04");
        }
        ::kill(static_cast<pid_t>(isolated.status().pid), signal);
        isolated.check(c, target);  // Lost, or answered by the next process already.
        if (!isolated.report) return fail("no answer after the loss");
        isolated.check(c, target);
        if (!isolated.report || isolated.report->outcome != CheckOutcome::passed) {
            return fail("a fresh process does not pass what passed before");
        }
        return isolated.status().restarts > 0 ? pass() : fail("the process was not replaced");
    }
    isolated.spawn(c, {"/bin/sh", "-c", "while [ ! -e \"$0\" ]; do sleep 0.05; done; exit 5",
                       "/tmp/kit-never-" + std::to_string(::getpid())});
    if (isolated.failure || isolated.pid == 0) return fail("it does not start");
    const std::int64_t before = isolated.status().pid;
    ::kill(static_cast<pid_t>(before), signal);
    if (signal == SIGSTOP) isolated.kill_tree();  // Somebody has to want something of it.
    if (signal == SIGKILL) {
        if (!isolated.until([&] {
                const auto now = isolated.status();
                return now.restarts > 0 && now.pid != 0 && now.pid != before;
            })) {
            return fail("no fresh process was started");
        }
        if (!process_lives(isolated.pid)) return fail("the daemon died with the plugin's process");
        if (isolated.exit) return fail("an exit was reported that was none");
        isolated.kill_tree();
    }
    if (!isolated.until([&] { return isolated.exit.has_value(); })) {
        return fail("the exit is not seen after the loss");
    }
    const bool same =
        isolated.exit->kind == ExitStatus::Kind::signal && isolated.exit->value == SIGKILL;
    return same ? pass() : fail("SIGKILL is reported as " + describe(*isolated.exit));
}

Verdict survives_kill(Case& c) {
    return survives(c, SIGKILL);
}

Verdict survives_stop(Case& c) {
    return survives(c, SIGSTOP);
}

constexpr std::array table{
    Item{"X01", 3, Subject::kind, "in a process of its own the verdicts are the same",
         same_verdicts},
    Item{"X02", 3, Subject::kind, "its process is killed: daemons live, a fresh one takes over",
         survives_kill},
    Item{"X03", 3, Subject::kind, "its process hangs: it is replaced, and a kill is not delayed",
         survives_stop},
};

}  // namespace

std::span<const Item> isolation_items() {
    return table;
}

}  // namespace syspulse::conformance
