#include "conformance/driver_bench.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace syspulse::conformance {
namespace {

sysp_str borrow(const std::string& text) {
    return {text.c_str(), text.size()};
}

// A faulty driver may name any process: only our own children may be killed.
bool is_child(std::int64_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos || end + 4 >= text.size()) return false;
    return std::atoll(text.c_str() + end + 4) == ::getpid();
}

}  // namespace

bool process_lives(std::int64_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t end = text.rfind(')');
    return end != std::string::npos && end + 2 < text.size() && text[end + 2] != 'Z';
}

DriverBench::DriverBench(Case& c) : case_(c) {
    stdio_[0] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    stdio_[1] = ::memfd_create("output", MFD_CLOEXEC);
    stdio_[2] = ::memfd_create("errors", MFD_CLOEXEC);
    const auto options = c.process_options();
    if (!options.empty()) {
        auto parsed = plugin_host::PluginConfig::parse(options.front());
        if (parsed) options_ = *std::move(parsed);
    }
    renew();
}

DriverBench::~DriverBench() {
    for (const Running& run : started_) {
        if (is_child(run.pid)) ::kill(static_cast<pid_t>(run.pid), SIGKILL);
    }
    leave_no_traces();
    for (const int fd : stdio_) ::close(fd);
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
        if (is_child(run.pid)) ::waitpid(static_cast<pid_t>(run.pid), nullptr, WNOHANG);
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

std::string DriverBench::output() const {
    std::string text;
    std::array<char, 65536> buffer{};
    for (off_t at = 0;;) {
        const ssize_t got = ::pread(stdio_[1], buffer.data(), buffer.size(), at);
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        at += got;
    }
}

bool DriverBench::wait_for_output(const std::string& text) {
    return host.until([&] { return output().find(text) != std::string::npos; },
                      within(bench_patience));
}

Running DriverBench::started(sysp_op op, Running run, sysp_status accepted) {
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

Running DriverBench::spawn(const std::vector<std::string>& argv) {
    Running run;
    run.proc = host.new_proc();
    // A number of a process alone may be that of another kit's, in another namespace.
    run.run_id = "kit-" + std::to_string(::getpid()) + "-" +
                 std::to_string(host.now().time_since_epoch().count()) + "-" +
                 std::to_string(++runs_);
    std::vector<std::string> environment = env;
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
    request.cwd = {"/", 1};
    request.user = {"", 0};
    for (std::size_t i = 0; i < stdio_.size(); ++i) request.stdio[i] = stdio_[i];
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
    if (number == 0) number = kind == SYSP_SIG_KILL ? SIGKILL : SIGTERM;
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

}  // namespace syspulse::conformance
