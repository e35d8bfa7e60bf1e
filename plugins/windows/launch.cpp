#include "windows/launch.hpp"

#include <memory>
#include <vector>

namespace syspulse::plugins::windows {
namespace {

constexpr DWORD attribute_count = 2;

// The attributes of a process that is to be made. What they point to outlives them.
class Attributes {
  public:
    Attributes() {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, attribute_count, 0, &size);
        bytes_.resize(size);
        if (::InitializeProcThreadAttributeList(get(), attribute_count, 0, &size) == 0)
            throw win32_error("cannot prepare a process", ::GetLastError());
    }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    ~Attributes() { ::DeleteProcThreadAttributeList(get()); }

    bool set(DWORD_PTR what, void* values, SIZE_T bytes) {
        return ::UpdateProcThreadAttribute(get(), 0, what, values, bytes, nullptr, nullptr) != 0;
    }
    LPPROC_THREAD_ATTRIBUTE_LIST get() {
        return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(bytes_.data());
    }

  private:
    std::vector<std::byte> bytes_;
};

UniqueHandle inheritable(HANDLE handle) {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    HANDLE copy = nullptr;
    if (handle == nullptr) {
        copy =
            ::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                          &inherited, OPEN_EXISTING, 0, nullptr);
    } else {
        const HANDLE self = ::GetCurrentProcess();
        ::DuplicateHandle(self, handle, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS);
    }
    UniqueHandle owned(copy);
    if (!owned)
        throw win32_error("cannot give a handle to the process (stage stdio)", ::GetLastError());
    return owned;
}

sdk::Error explain(const LaunchPlan& plan, DWORD code) {
    if (code == ERROR_DIRECTORY) {
        return win32_error(
            "cannot enter the working directory " + to_utf8(plan.directory) + " (stage chdir)",
            code);
    }
    return win32_error("cannot execute " + to_utf8(plan.program) + " (stage exec)", code);
}

// Windows blames the program for a longer one.
void check_directory(const std::wstring& directory) {
    constexpr std::size_t most = MAX_PATH - 2;
    if (directory.size() <= most) return;
    throw sdk::Error{SYSP_E_CONFIG, "cannot enter the working directory " + to_utf8(directory) +
                                        ": working_dir has " + std::to_string(directory.size()) +
                                        " characters, Windows takes " + std::to_string(most) +
                                        " (stage chdir)"};
}

// Ends what was made but cannot be used.
[[noreturn]] void give_up(const PROCESS_INFORMATION& made, const char* what) {
    const DWORD code = ::GetLastError();
    ::TerminateProcess(made.hProcess, 1);
    throw win32_error(what, code);
}

}  // namespace

Launched launch(const LaunchPlan& plan) {
    check_directory(plan.directory);
    std::array<UniqueHandle, 3> stdio;
    std::array<HANDLE, 3> handles{};
    for (std::size_t i = 0; i < stdio.size(); ++i) {
        stdio[i] = inheritable(plan.stdio[i]);
        handles[i] = stdio[i].get();
    }
    Attributes attributes;
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = handles[0];
    startup.StartupInfo.hStdOutput = handles[1];
    startup.StartupInfo.hStdError = handles[2];
    startup.lpAttributeList = attributes.get();
    HANDLE job = plan.job;
    if (!attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(), sizeof handles))
        throw win32_error("cannot limit the handles of the process", ::GetLastError());
    const bool born_in_job =
        plan.born_in_job && attributes.set(PROC_THREAD_ATTRIBUTE_JOB_LIST, &job, sizeof job);
    // A console of its own that nobody sees: Ctrl+C can be sent to it, and to it alone.
    const DWORD console = plan.has_console ? CREATE_NO_WINDOW : DETACHED_PROCESS;
    const DWORD flags =
        CREATE_SUSPENDED | console | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
    std::wstring line = plan.command_line;
    std::wstring block = plan.environment;
    PROCESS_INFORMATION made{};
    if (::CreateProcessW(plan.program.c_str(), line.data(), nullptr, nullptr, TRUE, flags,
                         block.data(), plan.directory.empty() ? nullptr : plan.directory.c_str(),
                         &startup.StartupInfo, &made) == 0) {
        throw explain(plan, ::GetLastError());
    }
    Launched launched{UniqueHandle(made.hProcess), made.dwProcessId};
    const UniqueHandle thread(made.hThread);
    if (!born_in_job && ::AssignProcessToJobObject(plan.job, made.hProcess) == 0)
        give_up(made, "cannot put the process into its job (stage job)");
    if (::ResumeThread(made.hThread) == static_cast<DWORD>(-1))
        give_up(made, "cannot let the process run (stage exec)");
    return launched;
}

}  // namespace syspulse::plugins::windows
