#include "job/job_driver.hpp"

#include <utility>

#include "job/token.hpp"
#include "windows/command_line.hpp"
#include "windows/launch.hpp"

namespace syspulse::plugins::job {
namespace {

using windows::to_utf8;
using windows::to_wide;
using windows::UniqueHandle;
using windows::win32_error;

// The manager has recorded a token long before.
constexpr std::chrono::seconds recorded_by_then{5};
// Between two warnings that a process has as many others as it may; it may try all the time.
constexpr std::uint64_t quiet_ns = 60'000'000'000;

sdk::Error unknown_process() {
    return {SYSP_E_NOT_FOUND, "unknown process"};
}
sdk::Error gone() {
    return {SYSP_E_NOT_FOUND, "the process is gone"};
}

StopStep step_of(const std::string& word) {
    if (word == "ctrl_break") return StopStep::ctrl_break;
    return word == "event" ? StopStep::event : StopStep::ctrl_c;
}

}  // namespace

sdk::Schema JobDriver::process_schema() {
    using sdk::Option;
    sdk::Schema schema;
    schema.add("stop",
               Option::list_of(Option::string().one_of({"ctrl_c", "ctrl_break", "event"}))
                   .describe("how the process is asked to end, one after the other until it "
                             "does; after stop_timeout_secs the job is terminated; default: "
                             "[ctrl_c]")
                   .items(1, 8)
                   .optional());
    schema.add("stop_step_secs", Option::number()
                                     .describe("how long each of them is given before the next")
                                     .range(0, 3600)
                                     .optional());
    schema.add("stop_event",
               Option::string().describe("the named event of the stop step event").optional());
    schema.add("reload_event",
               Option::string().describe("the named event that a reload sets").optional());
    return schema;
}

JobDriver::JobDriver(const sdk::Config& config) : Driver(config), io_(config.host()) {}

// Only a manager that dies takes along what it has not recorded, not one that lets it go.
JobDriver::~JobDriver() {
    for (auto& [proc, process] : processes_) let_live(process);
}

void JobDriver::let_live(Process& process) const noexcept {
    if (!process.settled || process.exited) return;
    try {
        process.job.end_with_last_handle(false);
    } catch (const sdk::Error& error) {
        log(SYSP_LOG_ERROR,
            "process " + std::to_string(process.pid) + " ends with the manager: " + error.what());
    }
}

JobDriver::Options JobDriver::options_of(const sdk::Config& config) {
    constexpr double default_step_secs = 5;
    Options options;
    for (const std::string& word : config.strings("/stop")) options.steps.push_back(step_of(word));
    if (options.steps.empty()) options.steps.push_back(StopStep::ctrl_c);
    const double secs =
        config.has("/stop_step_secs") ? config.f64("/stop_step_secs") : default_step_secs;
    options.between = std::chrono::milliseconds{static_cast<std::int64_t>(secs * 1000)};
    if (config.has("/stop_event")) options.stop_event = config.str("/stop_event");
    if (config.has("/reload_event")) options.reload_event = config.str("/reload_event");
    for (const StopStep step : options.steps) {
        if (step != StopStep::event || !options.stop_event.empty()) continue;
        throw sdk::Error{SYSP_E_CONFIG,
                         "/stop: the step event needs the name of an event in stop_event"};
    }
    return options;
}

void JobDriver::try_spawn(const sdk::Config& config, const sysp_limits& limits) const {
    (void)options_of(config);
    JobObject::create(L"").limit(limits);
}

sdk::Spawned JobDriver::spawn(const sdk::SpawnRequest& request) {
    if (request.argv.empty())
        throw sdk::Error{SYSP_E_CONFIG, "cannot run it: the command is empty"};
    if (!request.user.empty()) {
        throw sdk::Error{SYSP_E_CONFIG,
                         "cannot run as user " + request.user +
                             ": the driver job runs everything as the user of the "
                             "manager; remove the key user, or run a manager as that "
                             "user"};
    }
    Process process;
    process.options = options_of(request.config);
    windows::LaunchPlan plan;
    plan.program = windows::find_program(request.argv.front(), request.cwd, request.env);
    plan.command_line = windows::command_line(request.argv);
    std::vector<std::string> env = request.env;
    env.push_back("SYSPULSE_RUN_ID=" + request.run_id);
    plan.environment = windows::environment_block(env);
    plan.directory = to_wide(request.cwd);
    for (std::size_t i = 0; i < plan.stdio.size(); ++i)
        plan.stdio[i] = request.stdio[i] == -1 ? nullptr : windows::handle_of(request.stdio[i]);
    Identity identity;
    identity.job = job_name(request.run_id);
    process.job = JobObject::create(to_wide(identity.job));
    process.job.limit(request.limits);
    if (!process.job.notify(messages_.port(), static_cast<ULONG_PTR>(request.proc)))
        throw win32_error("cannot watch a job", ::GetLastError());
    // A manager that dies before it has recorded the token could not find the process again: until
    // then it ends with the last that holds its job. Afterwards it outlives all of them.
    process.job.end_with_last_handle(true);
    plan.job = process.job.get();
    windows::Launched launched = windows::launch(plan);
    process.pid = launched.pid;
    process.process = std::move(launched.process);
    identity.pid = process.pid;
    identity.created = creation_of(process.process.get());
    let_outlive_us(request.proc, process);
    return adopt(request.proc, std::move(process), identity.to_token());
}

sdk::Spawned JobDriver::recover(const sdk::RecoverRequest& request) {
    const auto identity = Identity::parse(request.token);
    if (!request.token.empty() && !identity) throw gone();
    const std::wstring job_named = to_wide(identity ? identity->job : job_name(request.run_id));
    Process process;
    process.options = options_to_go_on_with(request.config, request.run_id);
    process.job = JobObject::open(job_named);
    // Its token was never recorded, so it ended with the process that started it, unless somebody
    // else holds its job.
    if (!identity) {
        const UniqueHandle oldest = process.job.oldest();
        if (!oldest) throw gone();
        process.pid = ::GetProcessId(oldest.get());
        const Identity found{process.pid, creation_of(oldest.get()), job_name(request.run_id)};
        return adopt_leftovers(request.proc, std::move(process), found.to_token());
    }
    process.pid = identity->pid;
    process.process = open_process(identity->pid);
    const DWORD code = ::GetLastError();
    if (!process.process && code == ERROR_ACCESS_DENIED)
        throw win32_error("cannot look at process " + std::to_string(identity->pid), code);
    const bool same = process.process && creation_of(process.process.get()) == identity->created;
    const bool lives = same && ::WaitForSingleObject(process.process.get(), 0) == WAIT_TIMEOUT;
    if (!lives && process.job.oldest())
        return adopt_leftovers(request.proc, std::move(process), request.token);
    if (!lives) throw gone();
    if (!process.job) {
        // The name of a job goes with its last handle. A new one takes the process and what it
        // starts from now on.
        process.job = JobObject::create(job_named);
        if (::AssignProcessToJobObject(process.job.get(), process.process.get()) == 0)
            throw win32_error("cannot put the process into a job again", ::GetLastError());
        log(SYSP_LOG_WARN, "process " + std::to_string(process.pid) +
                               " was found again, but not what it had started before: its job was "
                               "lost with the manager");
    }
    const bool told = process.job.notify(messages_.port(), static_cast<ULONG_PTR>(request.proc));
    if (!told && process.job.has_limits_to_tell()) {
        log(SYSP_LOG_INFO, "process " + std::to_string(process.pid) +
                               " was found again; that it reaches its limits is not told any more");
    }
    let_outlive_us(request.proc, process);
    process.held = take_over_held(process);
    process.may_be_half_held = !process.held;
    const bool held = process.held;
    sdk::Spawned spawned = adopt(request.proc, std::move(process), request.token);
    spawned.frozen = held;
    return spawned;
}

JobDriver::Options JobDriver::options_to_go_on_with(const sdk::Config& config,
                                                    const std::string& run_id) const {
    try {
        return options_of(config);
    } catch (const sdk::Error& error) {
        log(SYSP_LOG_WARN,
            "run " + run_id + " is stopped by Ctrl+C until its options fit: " + error.what());
    }
    Options defaults;
    defaults.steps.push_back(StopStep::ctrl_c);
    return defaults;
}

bool JobDriver::take_over_held(Process& process) {
    try {
        return process.held_threads.take_over(threads_now(), process.job, process.pid);
    } catch (const sdk::Error& error) {
        log(SYSP_LOG_WARN, "process " + std::to_string(process.pid) +
                               " is taken for one that is not paused: " + error.what());
    }
    return false;
}

const ThreadsByProcess& JobDriver::threads_now() {
    if (!threads_now_) {
        threads_now_ = list_threads();
        turn_over_ = io_.timer({}, [this] { threads_now_.reset(); });
    }
    return *threads_now_;
}

void JobDriver::let_outlive_us(sysp_proc proc, Process& process) {
    process.settled =
        io_.timer(recorded_by_then, [this, proc] { find(proc).job.end_with_last_handle(false); });
}

sdk::Spawned JobDriver::adopt(sysp_proc proc, Process process, std::string token) {
    sdk::Spawned spawned;
    spawned.pid = process.pid;
    spawned.token = std::move(token);
    spawned.keep.push_back({SYSP_KEEP_PROCESS, 0, windows::native_of(process.process.get())});
    spawned.keep.push_back({SYSP_KEEP_JOB, 0, windows::native_of(process.job.get())});
    process.watch =
        io_.watch(windows::native_of(process.process.get()), SYSP_IO_READ | SYSP_IO_OBJECT,
                  [this, proc](std::uint32_t) { exited(proc); });
    watch_messages();
    processes_[proc] = std::move(process);
    return spawned;
}

void JobDriver::watch_messages() {
    if (messages_watch_) return;
    messages_watch_ =
        io_.watch(windows::native_of(messages_.ready()), SYSP_IO_READ | SYSP_IO_OBJECT,
                  [this](std::uint32_t) { read_messages(); });
}

// The leader is gone and others of its job are left: they must not hide, so the run is taken over
// to end.
sdk::Spawned JobDriver::adopt_leftovers(sysp_proc proc, Process process, std::string token) {
    sdk::Spawned spawned;
    spawned.pid = process.pid;
    spawned.token = std::move(token);
    process.exited = true;
    process.process.reset();
    process.settled = io_.timer({}, [this, proc] { exits()->exited(proc, SYSP_EXIT_LOST, 0); });
    processes_[proc] = std::move(process);
    return spawned;
}

void JobDriver::exited(sysp_proc proc) {
    messages_.catch_up();
    read_messages();
    Process& process = find(proc);
    DWORD code = 0;
    const bool known = ::GetExitCodeProcess(process.process.get(), &code) != 0;
    process.exited = true;
    process.watch.reset();
    process.next_step.reset();
    process.console_event.take_back();
    const std::uint64_t peak = process.job.peak_bytes().value_or(0);
    const std::uint32_t flags = process.hit_memory_limit ? std::uint32_t{SYSP_EXITF_OOM} : 0;
    if (process.killed && code == kill_code) {
        exits()->exited(proc, SYSP_EXIT_SIGNAL, sig_kill, flags, peak);
    } else if (known) {
        exits()->exited(proc, SYSP_EXIT_CODE, static_cast<std::int32_t>(code), flags, peak);
    } else {
        exits()->exited(proc, SYSP_EXIT_LOST, 0, flags, peak);
    }
}

void JobDriver::read_messages() {
    for (const auto& [key, reached] : messages_.take()) {
        const auto found = processes_.find(static_cast<sysp_proc>(key));
        if (found == processes_.end()) continue;
        Process& process = found->second;
        if (reached.memory) process.hit_memory_limit = true;
        const std::uint64_t now = io_.now_ns();
        if (!reached.processes || now < process.quiet_until_ns) continue;
        process.quiet_until_ns = now + quiet_ns;
        log(SYSP_LOG_WARN, "process " + std::to_string(process.pid) +
                               " could not start another one: it has max_processes already");
    }
}

void JobDriver::release(sysp_proc proc) {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) return;
    let_live(found->second);
    processes_.erase(found);
    if (processes_.empty()) messages_watch_.reset();
}

sysp_stats JobDriver::stats(sysp_proc proc) const {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) throw unknown_process();
    const Accounts accounts = found->second.job.accounts();
    sysp_stats result{};
    result.valid = SYSP_STAT_RSS | SYSP_STAT_TASKS;
    result.rss_bytes = accounts.rss_bytes;
    result.tasks = accounts.processes;
    if (accounts.user_ns && accounts.system_ns) {
        result.valid |= SYSP_STAT_CPU | SYSP_STAT_CPU_SPLIT;
        result.cpu_user_ns = *accounts.user_ns;
        result.cpu_system_ns = *accounts.system_ns;
        result.cpu_ns = *accounts.user_ns + *accounts.system_ns;
    }
    if (accounts.peak_bytes) {
        result.valid |= SYSP_STAT_MEMORY_PEAK;
        result.memory_peak_bytes = *accounts.peak_bytes;
    }
    if (accounts.read_bytes && accounts.write_bytes) {
        result.valid |= SYSP_STAT_IO;
        result.io_read_bytes = *accounts.read_bytes;
        result.io_write_bytes = *accounts.write_bytes;
    }
    return result;
}

JobDriver::Process& JobDriver::find(sysp_proc proc) {
    const auto found = processes_.find(proc);
    if (found == processes_.end()) throw unknown_process();
    return found->second;
}

}  // namespace syspulse::plugins::job

SYSPULSE_PLUGIN("syspulse.job", "0.1.0", "syspulse",
                syspulse::sdk::driver<syspulse::plugins::job::JobDriver>());
