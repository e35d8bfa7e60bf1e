// How processes of the driver `job` are asked to end, ended, held still and let go on.
#include <utility>

#include "job/job_driver.hpp"

namespace syspulse::plugins::job {
namespace {

using windows::to_wide;
using windows::UniqueHandle;
using windows::win32_error;

// The numbers of Linux that mean something here, beside that of SIGKILL.
constexpr std::int32_t sig_int = 2;
constexpr std::int32_t sig_term = 15;

void set_event(const std::string& name) {
    const UniqueHandle event(::OpenEventW(EVENT_MODIFY_STATE, FALSE, to_wide(name).c_str()));
    if (!event || ::SetEvent(event.get()) == 0) {
        const DWORD code = ::GetLastError();
        throw win32_error("cannot set the event " + name + " that the process waits for", code);
    }
}

}  // namespace

void JobDriver::signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig) {
    const Process& process = find(proc);
    const bool to_kill = sig == SYSP_SIG_KILL || (sig == SYSP_SIG_OS && os_sig == sig_kill);
    const bool to_end = sig == SYSP_SIG_TERMINATE ||
                        (sig == SYSP_SIG_OS && (os_sig == sig_term || os_sig == sig_int));
    if (to_kill) return kill(proc);
    if (to_end) {
        if (!process.exited) ask_to_end(proc, 0);
        return;
    }
    if (sig == SYSP_SIG_RELOAD && !process.options.reload_event.empty()) {
        if (!process.exited) set_event(process.options.reload_event);
        return;
    }
    throw sdk::Error{
        SYSP_E_UNSUPPORTED,
        "Windows has no such signal; SIGTERM and SIGINT ask the process to end (see the "
        "option stop of the driver job), SIGKILL ends it" +
            std::string(sig == SYSP_SIG_RELOAD ? ", a reload needs its option reload_event" : "")};
}

// A handler of Ctrl+C would run in a thread that Windows makes for it, whatever is held still.
void JobDriver::ask_to_end(sysp_proc proc, std::size_t step) {
    Process& process = find(proc);
    if (process.held) {
        process.owed_step = step;
        return;
    }
    const auto& steps = process.options.steps;
    if (step + 1 < steps.size()) {
        process.next_step =
            io_.timer(process.options.between, [this, proc, step] { ask_to_end(proc, step + 1); });
    }
    process.last_step = step;
    take_step(process, steps[step]);
}

void JobDriver::take_step(Process& process, StopStep step) {
    switch (step) {
        case StopStep::ctrl_c:
            process.console_event = ConsoleEvent(process.pid, "ctrl_c");
            return;
        case StopStep::ctrl_break:
            process.console_event = ConsoleEvent(process.pid, "ctrl_break");
            return;
        case StopStep::event:
            return set_event(process.options.stop_event);
    }
}

// Also after the leader has ended, for what it left behind.
void JobDriver::kill(sysp_proc proc) {
    Process& process = find(proc);
    process.next_step.reset();
    process.owed_step.reset();
    process.console_event.take_back();
    process.killed = true;
    if (process.job.terminate(kill_code) || process.exited) return;
    throw win32_error("cannot end the job of process " + std::to_string(process.pid),
                      ::GetLastError());
}

void JobDriver::freeze(sysp_proc proc, sdk::Answer&& answer) {
    Process& process = find(proc);
    if (process.exited) throw sdk::Error{SYSP_E_NOT_FOUND, "the process is gone"};
    // One that has not arrived yet arrives once it goes on.
    if (process.console_event.take_back()) {
        process.owed_step = process.last_step;
        process.next_step.reset();
    }
    try {
        process.held_threads.hold(process.job);
    } catch (...) {
        take_owed_step(proc);
        throw;
    }
    process.held = true;
    answer.done();
}

void JobDriver::thaw(sysp_proc proc, sdk::Answer&& answer) {
    Process& process = find(proc);
    process.held_threads.let_go();
    if (!process.held && process.may_be_half_held) HeldThreads::free_all(process.job);
    process.held = false;
    process.may_be_half_held = false;
    answer.done();
    take_owed_step(proc);
}

void JobDriver::take_owed_step(sysp_proc proc) {
    Process& process = find(proc);
    if (const auto owed = std::exchange(process.owed_step, std::nullopt); owed && !process.exited)
        process.next_step = io_.timer({}, [this, proc, step = *owed] { ask_to_end(proc, step); });
}

}  // namespace syspulse::plugins::job
