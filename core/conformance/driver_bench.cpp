#include "conformance/driver_bench.hpp"

#include <algorithm>
#include <utility>

#include "base/signals.hpp"
#include "platform/this_process.hpp"

namespace syspulse::conformance {
namespace {

sysp_str borrow(const std::string& text) {
    return {text.c_str(), text.size()};
}

}  // namespace

DriverBench::DriverBench(Case& c) : case_(c) {
    const auto options = c.process_options();
    if (!options.empty()) {
        auto parsed = plugin_host::PluginConfig::parse(options.front());
        if (parsed) options_ = *std::move(parsed);
    }
    renew();
}

DriverBench::~DriverBench() {
    for (const Running& run : started_) {
        if (is_child(run.pid)) kill_process(run.pid);
    }
    leave_no_traces();
}

// Only the driver knows what there is beside a process, such as its cgroup: it takes that away when
// it looks for a process that is dead.
void DriverBench::leave_no_traces() {
    // What lives and is no child of ours is something that a faulty driver named.
    std::erase_if(started_,
                  [](const Running& run) { return !is_child(run.pid) && process_lives(run.pid); });
    if (started_.empty()) return;
    const auto all_dead = [this] {
        return std::none_of(started_.begin(), started_.end(),
                            [](const Running& run) { return process_lives(run.pid); });
    };
    if (!host.until(all_dead, within(bench_patience))) return;
    renew();
    for (const Running& run : std::exchange(started_, {})) {
        // A zombie keeps its cgroup busy, and the instance that would have collected it is gone.
        if (is_child(run.pid)) collect(run.pid);
        if (!ready()) return;
        const Running gone = recover(run.run_id, run.token);
        if (!gone.refused && !gone.answer) return;
        // Something is left of it, or was a moment ago: the driver says when that is gone.
        if (gone.up() && gone.pid == run.pid && exit_of(gone)) release(gone.proc);
    }
}

void DriverBench::renew() {
    trial.reset();
    const auto kind = case_.kind();
    const auto configs = case_.configs();
    if (kind)
        trial = std::make_unique<Trial>(host, **kind, configs.empty() ? "{}" : configs.front());
}

bool DriverBench::wait_for_output(const std::string& text) {
    return host.until([&] { return output().find(text) != std::string::npos; },
                      within(bench_patience));
}

Running DriverBench::started(sysp_op op, Running run, sysp_status accepted) {
    run.accepted = accepted;
    run.refused = accepted != SYSP_OK;
    if (!run.refused) run.answer = host.wait_for(op, within(bench_patience));
    if (!run.up()) refusal = run.answer ? run.answer->message : host.last_error.value_or("");
    if (run.up()) {
        run.pid = run.answer->pid;
        run.token = run.answer->token;
        started_.push_back(run);
    }
    return run;
}

Running DriverBench::spawn(const Words& argv) {
    Running run;
    run.proc = host.new_proc();
    // A number of a process alone may be that of another kit's, in another namespace.
    run.run_id = "kit-" + std::to_string(platform::process_id()) + "-" +
                 std::to_string(host.now().time_since_epoch().count()) + "-" +
                 std::to_string(++runs_);
    Words environment = env;
    environment.push_back("SYSPULSE_RUN_ID=" + run.run_id);
    std::vector<sysp_str> arguments;
    std::vector<sysp_str> variables;
    for (const std::string& argument : argv) arguments.push_back(borrow(argument));
    for (const std::string& variable : environment) variables.push_back(borrow(variable));
    limits.size = sizeof limits;
    sysp_spawn_request request{};
    request.size = sizeof request;
    request.proc = run.proc;
    request.run_id = borrow(run.run_id);
    request.unit = {"kit", 3};
    request.argv = arguments.data();
    request.argc = arguments.size();
    request.env = variables.data();
    request.envc = variables.size();
    const std::string directory = root_directory();
    request.cwd = borrow(directory);
    request.user = {"", 0};
    for (std::size_t i = 0; i < streams_.given.size(); ++i)
        request.stdio[i] = streams_.given[i].get();
    request.config = options_.get();
    request.limits = &limits;
    request.pid_slot = pid_slot;
    const sysp_op op = host.new_op();
    host.last_error.reset();
    return started(op, run, trial->driver().spawn(trial->self(), op, &request));
}

Running DriverBench::recover(const std::string& run_id, const std::string& token) {
    Running run;
    run.proc = host.new_proc();
    run.run_id = run_id;
    sysp_recover_request request{};
    request.size = sizeof request;
    request.proc = run.proc;
    request.run_id = borrow(run_id);
    request.token = borrow(token);
    request.config = options_.get();
    const sysp_op op = host.new_op();
    return started(op, run, trial->driver().recover(trial->self(), op, &request));
}

std::optional<Event> DriverBench::answered(sysp_op op, sysp_status accepted) {
    if (accepted == SYSP_OK) return host.wait_for(op, within(bench_patience));
    Event refused;
    refused.error = accepted;
    return refused;
}

std::optional<Event> DriverBench::signal(sysp_proc proc, std::int32_t kind, std::int32_t number) {
    if (number == 0) number = kind == SYSP_SIG_KILL ? kill_number : signal_number::terminate;
    const sysp_op op = host.new_op();
    return answered(op, trial->driver().signal(trial->self(), op, proc, kind, number));
}

std::optional<Event> DriverBench::inspect(sysp_proc proc) {
    const sysp_op op = host.new_op();
    return answered(op, trial->driver().inspect(trial->self(), op, proc));
}

std::optional<Event> DriverBench::stats(sysp_proc proc) {
    if (trial->driver().stats == nullptr) return std::nullopt;
    const sysp_op op = host.new_op();
    return answered(op, trial->driver().stats(trial->self(), op, proc));
}

std::optional<Event> DriverBench::exit_of(const Running& run) {
    return host.wait_for_exit(run.proc, within(bench_patience));
}

void exercise(Case& c) {
    const auto kind = c.kind();
    if (!kind) return;
    if (c.is_driver()) {
        DriverBench bench(c);
        if (!bench.ready()) return;
        const Running run = bench.spawn(programs::end_with(0));
        if (run.up()) bench.exit_of(run);
        bench.release(run.proc);
        return;
    }
    KitHost host;
    for (const std::string& config : c.configs()) {
        Trial trial(host, **kind, config);
        const std::string& target = c.author().pass;
        if (trial.created() && !target.empty()) trial.check(target, 500);
    }
}

}  // namespace syspulse::conformance
