// How processes of the driver `job` are asked to end, ended, held still and let go on.
#include <array>
#include <filesystem>

#include "job/job_driver.hpp"
#include "windows/command_line.hpp"
#include "windows/launch.hpp"

namespace syspulse::plugins::job {
namespace {

using windows::to_wide;
using windows::UniqueHandle;
using windows::win32_error;

// The numbers of Linux that mean something here, beside that of SIGKILL.
constexpr std::int32_t sig_int = 2;
constexpr std::int32_t sig_term = 15;
constexpr const wchar_t* signaller = L"syspulse-console-signal.exe";

// Beside this DLL.
std::wstring signaller_path() {
    HMODULE self = nullptr;
    std::array<wchar_t, 32'768> path{};
    if (::GetModuleHandleExW(
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
            reinterpret_cast<const wchar_t*>(&signaller_path), &self) == 0 ||
        ::GetModuleFileNameW(self, path.data(), static_cast<DWORD>(path.size())) == 0) {
        throw win32_error("cannot find the plugin's own directory", ::GetLastError());
    }
    return (std::filesystem::path(path.data()).parent_path() / signaller).native();
}

// A process has one console, so this one cannot take the child's for a moment; a short-lived helper
// can.
void send_console_event(DWORD pid, const std::string& event) {
    windows::LaunchPlan plan;
    plan.program = signaller_path();
    plan.command_line = windows::command_line({"signal", std::to_string(pid), event});
    plan.environment = windows::environment_block({});
    // Without a job of its own it would be in ours, if we are in one; that does no harm.
    const JobObject job = JobObject::create(L"");
    plan.job = job.get();
    (void)windows::launch(plan);
}

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
    take_step(process, steps[step]);
}

void JobDriver::take_step(const Process& process, StopStep step) {
    switch (step) {
        case StopStep::ctrl_c:
            return send_console_event(process.pid, "ctrl_c");
        case StopStep::ctrl_break:
            return send_console_event(process.pid, "ctrl_break");
        case StopStep::event:
            return set_event(process.options.stop_event);
    }
}

// Also after the leader has ended, for what it left behind.
void JobDriver::kill(sysp_proc proc) {
    Process& process = find(proc);
    process.next_step.reset();
    process.owed_step.reset();
    process.killed = true;
    if (process.job.terminate(kill_code) || process.exited) return;
    throw win32_error("cannot end the job of process " + std::to_string(process.pid),
                      ::GetLastError());
}

void JobDriver::freeze(sysp_proc proc, sdk::Answer&& answer) {
    Process& process = find(proc);
    if (process.exited) throw sdk::Error{SYSP_E_NOT_FOUND, "the process is gone"};
    process.held_threads.hold(process.job);
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
    if (const auto owed = std::exchange(process.owed_step, std::nullopt); owed && !process.exited)
        process.next_step = io_.timer({}, [this, proc, step = *owed] { ask_to_end(proc, step); });
}

}  // namespace syspulse::plugins::job
