#include "platform/windows/own_process.hpp"

#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

class AttributeList {
  public:
    explicit AttributeList(DWORD count) {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, count, 0, &size);
        bytes_.resize(size);
        ::InitializeProcThreadAttributeList(get(), count, 0, &size);
    }
    AttributeList(const AttributeList&) = delete;
    AttributeList& operator=(const AttributeList&) = delete;
    ~AttributeList() { ::DeleteProcThreadAttributeList(get()); }

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
    const HANDLE self = ::GetCurrentProcess();
    if (handle == nullptr ||
        ::DuplicateHandle(self, handle, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS) == 0) {
        copy =
            ::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                          &inherited, OPEN_EXISTING, 0, nullptr);
    }
    return UniqueHandle(copy);
}

}  // namespace

Result<OwnStarted> start_own_process(const OwnProcess& wanted, const std::string& what) {
    std::array<UniqueHandle, 3> stdio;
    std::vector<HANDLE> handles = wanted.handles;
    for (std::size_t i = 0; i < stdio.size(); ++i) {
        stdio[i] = inheritable(wanted.stdio[i]);
        handles.push_back(stdio[i].get());
    }
    HANDLE job = wanted.job;
    AttributeList attributes(2);
    // A child without the list would get every handle that may be inherited, one without the job
    // would outlive us.
    const bool confined = attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(),
                                         handles.size() * sizeof(HANDLE)) &&
                          attributes.set(PROC_THREAD_ATTRIBUTE_JOB_LIST, &job, sizeof job);
    if (!confined) return os_error(what + " (" + wanted.program.string() + ")");
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = stdio[0].get();
    startup.StartupInfo.hStdOutput = stdio[1].get();
    startup.StartupInfo.hStdError = stdio[2].get();
    startup.lpAttributeList = attributes.get();
    // The code page is zero for a process without a console.
    const bool console = wanted.in_console && ::GetConsoleCP() != 0;
    const DWORD flags = (console ? 0 : DWORD{CREATE_NO_WINDOW}) | CREATE_UNICODE_ENVIRONMENT |
                        EXTENDED_STARTUPINFO_PRESENT;
    std::wstring line = wanted.command_line;
    std::wstring block = wanted.environment;
    PROCESS_INFORMATION made{};
    // What starts under the long form of its name looks for its plugins under that.
    const std::wstring& given = wanted.program.native();
    const std::wstring name = given.size() < MAX_PATH ? given : long_path(wanted.program);
    if (::CreateProcessW(name.c_str(), line.data(), nullptr, nullptr, TRUE, flags,
                         block.empty() ? nullptr : block.data(), nullptr, &startup.StartupInfo,
                         &made) == 0) {
        return os_error(what + " (" + wanted.program.string() + ")");
    }
    ::CloseHandle(made.hThread);
    return OwnStarted{UniqueHandle(made.hProcess), made.dwProcessId};
}

Result<UniqueHandle> make_own_job() {
    UniqueHandle job(::CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    if (!job || ::SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits,
                                          sizeof limits) == 0) {
        return os_error("cannot make a job");
    }
    return job;
}

}  // namespace syspulse::platform
