// The driver @NAME@: a process in a job of its own, with a priority. All that a driver owes is here: a start that fails
// with its reason, exits seen by the process handle, recovery that proves identity, Ctrl+C to end a process (signal.cpp
// sends it), a kill of all that the process has started, statistics.
#include <windows.h>
#include <psapi.h>
#include <syspulse/plugin.hpp>
#include <algorithm>
#include <filesystem>
#include <map>

namespace sdk = syspulse::sdk;
namespace {
constexpr UINT kill_code = 137;
struct Handle {  // Closes what it holds.
    HANDLE value = nullptr;
    Handle(HANDLE handle = nullptr) : value(handle) {}
    Handle(Handle&& other) noexcept : value(std::exchange(other.value, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(value, other.value);
        return *this;
    }
    ~Handle() {
        if (value != nullptr) CloseHandle(value);
    }
};
struct Sender {  // Of Ctrl+C: what has not arrived when this ends does not arrive any more.
    Handle process;
    Sender(HANDLE handle = nullptr) : process(handle) {}
    Sender(Sender&&) = default;
    Sender& operator=(Sender&&) = default;
    ~Sender() {
        if (process.value != nullptr) TerminateProcess(process.value, 1);
    }
};
sysp_handle native(HANDLE handle) { return static_cast<sysp_handle>(reinterpret_cast<std::intptr_t>(handle)); }
sdk::Error failure(const std::string& what, DWORD code = GetLastError()) {
    return sdk::Error::win32(what + " (Windows error " + std::to_string(code) + ")", static_cast<int>(code), false);
}
std::wstring wide(const std::string& text) {  // Everything that the host says is UTF-8.
    const int bytes = static_cast<int>(text.size());
    std::wstring result(static_cast<std::size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), bytes, nullptr, 0)), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), bytes, result.data(), static_cast<int>(result.size()));
    return result;
}
// One line of which the program makes the same words again: backslashes count double before a quote only.
std::wstring command_line(const std::vector<std::string>& argv) {
    std::wstring line;
    for (const auto& word : argv) {
        std::size_t backslashes = 0;
        line += line.empty() ? L"\"" : L" \"";
        for (const wchar_t c : wide(word)) {
            if (c == L'"') line.append(backslashes + 1, L'\\');
            backslashes = c == L'\\' ? backslashes + 1 : 0;
            line += c;
        }
        line.append(backslashes, L'\\') += L'"';
    }
    return line;
}
ULONGLONG creation_of(HANDLE process) {
    FILETIME made{}, ended{}, kernel{}, user{};
    GetProcessTimes(process, &made, &ended, &kernel, &user);
    return (ULONGLONG{made.dwHighDateTime} << 32) | made.dwLowDateTime;
}
// A pid alone proves nothing: it is given away again.
std::string identity(DWORD pid, HANDLE process) {
    return std::to_string(pid) + ' ' + std::to_string(creation_of(process));
}
// Null when the number is nobody's.
Handle open_process(DWORD pid) {
    constexpr DWORD access = SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_VM_READ;
    Handle process = OpenProcess(access | PROCESS_TERMINATE | PROCESS_SET_QUOTA, FALSE, pid);
    if (process.value == nullptr && GetLastError() != ERROR_INVALID_PARAMETER)
        throw failure("cannot look at process " + std::to_string(pid));
    return process;
}
// The job of a run is found by its name, as long as somebody has a handle of it.
std::wstring job_name(std::string run_id) {
    for (char& c : run_id) c = c == '\\' || c == '/' ? '_' : c;
    return wide("Local\\@NAME@-" + run_id);
}
// The token of a run that has none, because its manager died too early: that of the oldest in its job. Without a job it
// ended with that manager.
std::string find_token(const std::string& run_id) {
    const Handle job = OpenJobObjectW(JOB_OBJECT_QUERY, FALSE, job_name(run_id).c_str());
    if (job.value == nullptr && GetLastError() == ERROR_FILE_NOT_FOUND) return "";
    struct {
        JOBOBJECT_BASIC_PROCESS_ID_LIST list;
        ULONG_PTR more[1023];
    } found{};
    if (!QueryInformationJobObject(job.value, JobObjectBasicProcessIdList, &found, sizeof found, nullptr))
        throw failure("cannot list the processes of run " + run_id);
    std::string token;
    ULONGLONG oldest = ~0ULL;
    for (DWORD i = 0; i < found.list.NumberOfProcessIdsInList; ++i) {
        const auto pid = static_cast<DWORD>(found.list.ProcessIdList[i]);
        const Handle process = open_process(pid);
        const ULONGLONG created = process.value == nullptr ? oldest : creation_of(process.value);
        if (created < oldest) token = identity(pid, process.value);
        oldest = std::min(oldest, created);
    }
    return token;
}
// Inherited by the process; without one it is the null device.
Handle inheritable(sysp_handle handle) {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    HANDLE copy = nullptr;
    if (handle == -1)
        copy = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, 3, &inherited, OPEN_EXISTING, 0, nullptr);
    else if (!DuplicateHandle(GetCurrentProcess(), reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(handle)),
                              GetCurrentProcess(), &copy, 0, TRUE, DUPLICATE_SAME_ACCESS))
        throw failure("cannot give a handle to the process");
    return copy;
}
}  // namespace
class @CLASS@ : public sdk::Driver {
  public:
    static constexpr const char* name = "@NAME@";
    static constexpr const char* summary = "Runs processes with a priority";
    static constexpr std::uint32_t enforces = 0;  // SYSP_LIMIT_*: limits that this driver enforces.
    static sdk::Schema schema() { return {}; }
    static sdk::Schema process_schema() {
        return sdk::Schema{}.add("priority", sdk::Option::string().one_of({"normal", "low", "idle"}).by_default("normal"));
    }
    explicit @CLASS@(const sdk::Config& config) : Driver(config), io_(config.host()) {}
    sdk::Spawned spawn(const sdk::SpawnRequest& request) {
        if (!request.user.empty()) throw sdk::Error{SYSP_E_UNSUPPORTED, "this driver cannot change the user"};
        const std::wstring program = wide(request.argv.front());
        const std::wstring extension = program.size() < 4 ? L"" : program.substr(program.size() - 4);
        if (_wcsicmp(extension.c_str(), L".cmd") == 0 || _wcsicmp(extension.c_str(), L".bat") == 0)
            throw sdk::Error{SYSP_E_CONFIG, "cmd.exe would read the arguments by rules of its own; write [cmd.exe, /d, /c, call, FILE, ...]"};
        Process process;
        process.job = CreateJobObjectW(nullptr, job_name(request.run_id).c_str());
        // Nothing of a start that is reported as failed may be left, nor of one of which nobody has heard.
        set_end_with_last_handle(process.job.value, true);
        start(request, process);
        const std::string token = identity(process.pid, process.handle.value);
        // The host holds the job, too, and has recorded the token before long.
        process.settled = io_.timer(std::chrono::seconds{5}, [this, proc = request.proc] {
            set_end_with_last_handle(find(proc).job.value, false);
        });
        return adopt(request.proc, std::move(process), token);
    }
    sdk::Spawned recover(const sdk::RecoverRequest& request) {
        Process process;
        const std::string token = request.token.empty() ? find_token(request.run_id) : request.token;
        process.pid = static_cast<DWORD>(std::strtoul(token.c_str(), nullptr, 10));
        process.handle = open_process(process.pid);
        const HANDLE found = process.handle.value;
        if (found == nullptr || identity(process.pid, found) != token || !lives(process))
            throw sdk::Error{SYSP_E_NOT_FOUND, "the process is gone"};
        process.job = OpenJobObjectW(JOB_OBJECT_ALL_ACCESS, FALSE, job_name(request.run_id).c_str());
        if (process.job.value != nullptr) {
            set_end_with_last_handle(process.job.value, false);
        } else {  // Its name went with its last handle: a new one takes what the process starts from now on.
            process.job = CreateJobObjectW(nullptr, job_name(request.run_id).c_str());
            AssignProcessToJobObject(process.job.value, found);
        }
        return adopt(request.proc, std::move(process), token);
    }
    void signal(sysp_proc proc, std::int32_t sig, std::int32_t) {
        Process& process = find(proc);
        if (sig == SYSP_SIG_TERMINATE) {
            if (lives(process)) process.ctrl_c = send_ctrl_c(process.pid);
            return;
        }
        if (sig != SYSP_SIG_KILL) throw sdk::Error{SYSP_E_UNSUPPORTED, "this driver can only end a process"};
        process.ctrl_c = nullptr;
        process.killed = true;  // Also what a process left behind that has ended itself.
        if (!TerminateJobObject(process.job.value, kill_code) && lives(process))
            throw failure("cannot end the job of process " + std::to_string(process.pid));
    }
    bool inspect(sysp_proc proc) const { return processes_.count(proc) > 0; }
    sysp_stats stats(sysp_proc proc) {
        PROCESS_MEMORY_COUNTERS memory{};
        GetProcessMemoryInfo(find(proc).handle.value, &memory, sizeof memory);
        sysp_stats result{};
        result.valid = SYSP_STAT_RSS;
        result.rss_bytes = memory.WorkingSetSize;
        return result;
    }
    void release(sysp_proc proc) {
        if (inspect(proc) && find(proc).settled) set_end_with_last_handle(find(proc).job.value, false);
        processes_.erase(proc);
    }
  private:
    struct Process {
        DWORD pid = 0;
        Handle handle, job;
        Sender ctrl_c;
        bool killed = false;
        sdk::Watch watch;
        sdk::Timer settled;
    };
    Process& find(sysp_proc proc) {
        return inspect(proc) ? processes_.at(proc) : throw sdk::Error{SYSP_E_NOT_FOUND, "unknown process"};
    }
    static bool lives(const Process& process) { return WaitForSingleObject(process.handle.value, 0) == WAIT_TIMEOUT; }
    // Every process has a hidden console of its own, with what it starts.
    static Sender send_ctrl_c(DWORD pid) {
        static const char here = 0;
        HMODULE self = nullptr;
        wchar_t path[32768] = L"";
        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           reinterpret_cast<const wchar_t*>(&here), &self);
        GetModuleFileNameW(self, path, 32768);
        const auto sender = std::filesystem::path(path).replace_filename(L"@NAME@-signal.exe");
        const auto utf8 = sender.u8string();
        std::wstring line = L"signal " + std::to_wstring(pid);
        STARTUPINFOW startup{};
        startup.cb = sizeof startup;
        PROCESS_INFORMATION made{};
        if (!CreateProcessW(sender.c_str(), line.data(), nullptr, nullptr, FALSE, DETACHED_PROCESS, nullptr, nullptr,
                            &startup, &made))
            throw failure("cannot run " + std::string(utf8.begin(), utf8.end()) +
                          ", which sends Ctrl+C and has to lie beside the driver");
        CloseHandle(made.hThread);
        return made.hProcess;
    }
    static void set_end_with_last_handle(HANDLE job, bool ends) {
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
        limits.BasicLimitInformation.LimitFlags = ends ? JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE : 0;
        SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    }
    // Suspended until it is in its job, so that nothing of it escapes. Handles of others are not inherited.
    static void start(const sdk::SpawnRequest& request, Process& process) {
        Handle stdio[3] = {inheritable(request.stdio[0]), inheritable(request.stdio[1]), inheritable(request.stdio[2])};
        HANDLE handles[3] = {stdio[0].value, stdio[1].value, stdio[2].value};
        std::vector<char> memory(1024);
        auto* const attributes = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory.data());
        SIZE_T size = memory.size();
        InitializeProcThreadAttributeList(attributes, 1, 0, &size);
        UpdateProcThreadAttribute(attributes, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles, sizeof handles, nullptr, nullptr);
        STARTUPINFOEXW startup{};
        startup.StartupInfo.cb = sizeof startup;
        startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
        startup.StartupInfo.hStdInput = handles[0];
        startup.StartupInfo.hStdOutput = handles[1];
        startup.StartupInfo.hStdError = handles[2];
        startup.lpAttributeList = attributes;
        std::wstring block, line = command_line(request.argv);
        for (const auto& entry : request.env) block += wide(entry) + L'\0';
        block += wide("SYSPULSE_RUN_ID=" + request.run_id) + L'\0' + L'\0';
        const std::string priority = request.config.str("/priority");
        const DWORD urgency = priority == "idle"  ? IDLE_PRIORITY_CLASS
                              : priority == "low" ? BELOW_NORMAL_PRIORITY_CLASS
                                                  : NORMAL_PRIORITY_CLASS;
        PROCESS_INFORMATION made{};
        if (!CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE,
                            urgency | CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT,
                            block.data(), request.cwd.empty() ? nullptr : wide(request.cwd).c_str(), &startup.StartupInfo, &made))
            throw failure("cannot run " + request.argv.front() + (request.cwd.empty() ? "" : " in " + request.cwd));
        process.pid = made.dwProcessId;
        process.handle = made.hProcess;
        const Handle thread = made.hThread;
        if (AssignProcessToJobObject(process.job.value, made.hProcess) && ResumeThread(thread.value) != DWORD(-1)) return;
        const sdk::Error failed = failure("cannot let " + request.argv.front() + " run in its job");
        TerminateProcess(made.hProcess, kill_code);
        throw failed;
    }
    sdk::Spawned adopt(sysp_proc proc, Process started, const std::string& token) try {
        Process& process = processes_[proc] = std::move(started);
        process.watch = io_.watch(native(process.handle.value), SYSP_IO_READ | SYSP_IO_OBJECT, [this, proc](auto) { ended(proc); });
        return {process.pid, token, {{SYSP_KEEP_PROCESS, 0, native(process.handle.value)}, {SYSP_KEEP_JOB, 0, native(process.job.value)}}};
    } catch (...) {
        processes_.erase(proc);
        throw;
    }
    void ended(sysp_proc proc) {
        Process& process = find(proc);
        DWORD code = 0;
        GetExitCodeProcess(process.handle.value, &code);
        process.watch.reset();
        process.settled.reset();
        process.ctrl_c = nullptr;
        const bool killed = process.killed && code == kill_code;
        exits()->exited(proc, killed ? SYSP_EXIT_SIGNAL : SYSP_EXIT_CODE, killed ? 9 : static_cast<std::int32_t>(code));
    }
    sdk::Io io_;
    std::map<sysp_proc, Process> processes_;
};
SYSPULSE_PLUGIN("com.example.@NAME@", "0.1.0", "Example", sdk::driver<@CLASS@>());
