#include "job/console_event.hpp"

#include <array>
#include <filesystem>

#include "job/job_object.hpp"
#include "windows/command_line.hpp"
#include "windows/launch.hpp"

namespace syspulse::plugins::job {
namespace {

using windows::win32_error;

constexpr const wchar_t* sender_name = L"syspulse-console-signal.exe";
// None of those that the sender ends with itself.
constexpr UINT taken_back = 99;
// A process that is ended is gone at once, but for the system's own work.
constexpr DWORD end_most_ms = 1000;

// Beside this DLL.
std::wstring sender_path() {
    HMODULE self = nullptr;
    std::array<wchar_t, 32'768> path{};
    if (::GetModuleHandleExW(
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
            reinterpret_cast<const wchar_t*>(&sender_path), &self) == 0 ||
        ::GetModuleFileNameW(self, path.data(), static_cast<DWORD>(path.size())) == 0) {
        throw win32_error("cannot find the plugin's own directory", ::GetLastError());
    }
    return (std::filesystem::path(path.data()).parent_path() / sender_name).native();
}

}  // namespace

ConsoleEvent::ConsoleEvent(DWORD pid, const std::string& event) {
    windows::LaunchPlan plan;
    plan.program = sender_path();
    plan.command_line = windows::command_line({"signal", std::to_string(pid), event});
    plan.environment = windows::environment_block({});
    // One of its own would be in its way.
    plan.has_console = false;
    // Without a job of its own it would be in ours, if we are in one; that does no harm.
    const JobObject job = JobObject::create(L"");
    plan.job = job.get();
    sender_ = std::move(windows::launch(plan).process);
}

bool ConsoleEvent::take_back() noexcept {
    if (!sender_) return false;
    const windows::UniqueHandle sender = std::move(sender_);
    ::TerminateProcess(sender.get(), taken_back);
    ::WaitForSingleObject(sender.get(), end_most_ms);
    DWORD code = 0;
    return ::GetExitCodeProcess(sender.get(), &code) != 0 && code == taken_back;
}

}  // namespace syspulse::plugins::job
