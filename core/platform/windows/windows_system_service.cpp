// Services of Windows. Start and stop take as long as daemons take, which nobody can foretell, so
// that a thread of the system's pool says again and again that it goes on.
#include <fcntl.h>
#include <io.h>

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "platform/data_dir.hpp"
#include "platform/system_service.hpp"
#include "platform/this_process.hpp"
#include "platform/windows/windows_command_line.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_service.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

constexpr int stop_request = 15;
constexpr DWORD sign_of_life_ms = 2'000;
constexpr DWORD patience_ms = 10 * sign_of_life_ms;  // Until Windows takes a silent one for hung.
constexpr DWORD preshutdown_ms = 180'000;            // How long Windows waits when it shuts down.
constexpr DWORD restart_after_ms = 1'000;
constexpr DWORD forget_failures_secs = 24 * 60 * 60;
constexpr DWORD stop_limit_ms = 600'000;
constexpr DWORD silence_limit_ms = patience_ms + 10'000;
constexpr DWORD stop_look_ms = 100;
constexpr std::uintmax_t log_bytes_max = 16UL * 1024 * 1024;

class ServiceHandle {
  public:
    explicit ServiceHandle(SC_HANDLE handle) noexcept : handle_(handle) {}
    ServiceHandle(ServiceHandle&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)) {}
    ServiceHandle& operator=(ServiceHandle&&) = delete;
    ServiceHandle(const ServiceHandle&) = delete;
    ServiceHandle& operator=(const ServiceHandle&) = delete;
    ~ServiceHandle() {
        if (handle_ != nullptr) ::CloseServiceHandle(handle_);
    }
    SC_HANDLE get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != nullptr; }

  private:
    SC_HANDLE handle_;
};

// A process is one service at most, and its functions are called without any data of ours.
struct Service {
    std::mutex mutex;
    std::wstring name;
    std::function<int()> body;
    SERVICE_STATUS_HANDLE handle = nullptr;  // Null until Windows has started the service.
    SERVICE_STATUS status{};
    HANDLE timer = nullptr;
    int code = 0;

    // With the mutex held.
    void tell() { ::SetServiceStatus(handle, &status); }
    void enter(DWORD state) {
        if (handle == nullptr || status.dwCurrentState == SERVICE_STOPPED) return;
        const bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
        status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
        status.dwCurrentState = state;
        status.dwControlsAccepted =
            state == SERVICE_RUNNING ? DWORD{SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN} : 0;
        status.dwCheckPoint = pending ? 1 : 0;
        status.dwWaitHint = pending ? patience_ms : 0;
        tell();
    }
};
Service& service() {
    static Service instance;
    return instance;
}

// [a thread of the system's pool]
void CALLBACK give_sign_of_life(void*, BOOLEAN) {
    const std::lock_guard lock(service().mutex);
    if (service().status.dwCheckPoint == 0) return;
    ++service().status.dwCheckPoint;
    service().tell();
}

// [the thread of the dispatcher]
DWORD WINAPI control(DWORD what, DWORD, void*, void*) {
    switch (what) {
        case SERVICE_CONTROL_STOP:
        case SERVICE_CONTROL_PRESHUTDOWN:
            service_is_stopping();
            deliver_signal(stop_request);
            return NO_ERROR;
        case SERVICE_CONTROL_INTERROGATE:
            return NO_ERROR;
        default:
            return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

// [a thread that Windows makes for the service]
void WINAPI service_main(DWORD, wchar_t**) {
    Service& self = service();
    {
        const std::lock_guard lock(self.mutex);
        self.handle = ::RegisterServiceCtrlHandlerExW(self.name.c_str(), control, nullptr);
        self.enter(SERVICE_START_PENDING);
    }
    ::CreateTimerQueueTimer(&self.timer, nullptr, give_sign_of_life, nullptr, sign_of_life_ms,
                            sign_of_life_ms, WT_EXECUTEDEFAULT);
    const int code = self.body();
    ::DeleteTimerQueueTimer(nullptr, self.timer, INVALID_HANDLE_VALUE);
    const std::lock_guard lock(self.mutex);
    self.code = code;
    self.status.dwWin32ExitCode = code == 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
    self.status.dwServiceSpecificExitCode = static_cast<DWORD>(code);
    self.enter(SERVICE_STOPPED);
}

Error service_error(const std::string& what, DWORD number) {
    Error error = os_error(what, number);
    if (number == ERROR_ACCESS_DENIED) {
        error.message += "; run it as an administrator";
    } else if (number == ERROR_SERVICE_EXISTS || number == ERROR_DUPLICATE_SERVICE_NAME) {
        error.code = ErrorCode::already_exists;
        error.message += "; uninstall it first, or choose another --name";
    } else if (number == ERROR_SERVICE_DOES_NOT_EXIST) {
        error.code = ErrorCode::not_found;
    } else if (number == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        error.code = ErrorCode::invalid_state;
        error.message =
            what + ": only Windows starts it so, see service install; by hand run syspulse daemon";
    }
    return error;
}

// What Windows can do without does not fail the installation, but is told.
void configure_service(SC_HANDLE handle, DWORD what, void* value, const char* words) {
    if (::ChangeServiceConfig2W(handle, what, value) != 0) return;
    log::warn(os_error(std::string("the service is installed, but cannot ") + words).message);
}

void complete_service(SC_HANDLE handle) {
    std::wstring text = L"Supervises daemons: starts, watches, restarts and checks them";
    SERVICE_DESCRIPTIONW description{text.data()};
    configure_service(handle, SERVICE_CONFIG_DESCRIPTION, &description, "describe it");
    SC_ACTION restart{SC_ACTION_RESTART, restart_after_ms};
    SERVICE_FAILURE_ACTIONSW failures{forget_failures_secs, nullptr, nullptr, 1, &restart};
    configure_service(handle, SERVICE_CONFIG_FAILURE_ACTIONS, &failures, "have it restarted");
    SERVICE_PRESHUTDOWN_INFO preshutdown{preshutdown_ms};
    configure_service(handle, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown,
                      "have Windows wait for its daemons when it shuts down");
}

Result<ServiceHandle> open_manager(const std::string& what, DWORD access) {
    ServiceHandle manager(::OpenSCManagerW(nullptr, nullptr, access));
    if (!manager) return service_error(what, ::GetLastError());
    return manager;
}

// The command line of a service; empty when it cannot be told.
std::wstring command_line_of(SC_HANDLE handle) {
    DWORD size = 0;
    ::QueryServiceConfigW(handle, nullptr, 0, &size);
    std::vector<std::uint64_t> room(size / sizeof(std::uint64_t) +
                                    1);  // Aligned for the structure.
    auto* const config = reinterpret_cast<QUERY_SERVICE_CONFIGW*>(room.data());
    if (size == 0 || ::QueryServiceConfigW(handle, config, size, &size) == 0) return {};
    return config->lpBinaryPathName == nullptr ? std::wstring() : config->lpBinaryPathName;
}

// What a service runs when that is not a manager, whose name anybody may give by mistake.
std::optional<std::string> runs_something_else(SC_HANDLE handle) {
    const std::wstring line = command_line_of(handle);
    if (runs_service(line, program_path().filename().wstring())) return std::nullopt;
    return line.empty() ? "something that cannot be told" : to_utf8(line);
}

// A stop takes as long as daemons take, but a service that goes on says so; nobody waits for one
// that says nothing.
Result<void> stop_service(SC_HANDLE handle, const std::string& what) {
    SERVICE_STATUS last{};
    // By the clock: a service that hangs also keeps whoever asks it waiting.
    const ULONGLONG begin = ::GetTickCount64();
    ULONGLONG heard = begin;
    while (::GetTickCount64() - begin < stop_limit_ms) {
        SERVICE_STATUS status{};
        if (::QueryServiceStatus(handle, &status) == 0)
            return service_error(what, ::GetLastError());
        if (status.dwCurrentState == SERVICE_STOPPED) return {};
        const bool news = status.dwCurrentState != last.dwCurrentState ||
                          status.dwCheckPoint != last.dwCheckPoint;
        if (news) heard = ::GetTickCount64();
        if (::GetTickCount64() - heard >= silence_limit_ms)
            return Error{ErrorCode::timed_out,
                         what + ": it was asked to stop and has given no sign of life for " +
                             std::to_string(silence_limit_ms / 1'000) +
                             " s; end its process, then uninstall it again"};
        last = status;
        SERVICE_STATUS ignored{};
        if (status.dwCurrentState == SERVICE_RUNNING &&
            ::ControlService(handle, SERVICE_CONTROL_STOP, &ignored) == 0) {
            const DWORD number = ::GetLastError();
            if (number == ERROR_ACCESS_DENIED || number == ERROR_DEPENDENT_SERVICES_RUNNING)
                return service_error(what, number);
        }
        ::Sleep(stop_look_ms);
    }
    return Error{ErrorCode::timed_out, what + ": it has not stopped within " +
                                           std::to_string(stop_limit_ms / 60'000) +
                                           " minutes; uninstall it again"};
}

// The name that is wanted is taken.
Error name_is_taken(SC_HANDLE manager, const std::wstring& name, const std::string& what,
                    DWORD number) {
    const ServiceHandle there(::OpenServiceW(manager, name.c_str(), SERVICE_QUERY_CONFIG));
    const auto other = there ? runs_something_else(there.get()) : std::nullopt;
    if (!other) return service_error(what, number);
    return Error{ErrorCode::already_exists,
                 what + ": a service of that name exists and is not one of syspulse, it runs " +
                     *other + "; choose another --name"};
}

// The handle itself can only append: the manager and plugins' hosts get it as such, and their first
// byte would otherwise be that of the file.
std::FILE* open_to_append(const std::filesystem::path& file) {
    UniqueHandle handle(::CreateFileW(long_path(file).c_str(),
                                      FILE_GENERIC_WRITE & ~FILE_WRITE_DATA,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                      nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!handle) return nullptr;
    const int descriptor = ::_open_osfhandle(reinterpret_cast<std::intptr_t>(handle.get()),
                                             _O_APPEND | _O_BINARY | _O_WRONLY);
    if (descriptor < 0) return nullptr;
    static_cast<void>(handle.release());  // Closed with the descriptor.
    std::FILE* const opened = ::_fdopen(descriptor, "ab");
    if (opened == nullptr) ::_close(descriptor);
    return opened;
}

}  // namespace

void service_is_running() {
    const std::lock_guard lock(service().mutex);
    if (service().status.dwCurrentState != SERVICE_STOP_PENDING) service().enter(SERVICE_RUNNING);
}

void service_is_stopping() {
    const std::lock_guard lock(service().mutex);
    if (service().status.dwCurrentState != SERVICE_STOP_PENDING)
        service().enter(SERVICE_STOP_PENDING);
}

Result<void> install_system_service(const SystemService& wanted) {
    const std::string what = "cannot install the service " + wanted.name;
    const auto manager = open_manager(what, SC_MANAGER_CREATE_SERVICE);
    if (!manager) return manager.error();
    std::wstring line = quoted_argument(program_path().wstring());
    for (const std::string& argument : wanted.arguments)
        line += L" " + quoted_argument(to_wide(argument));
    const std::wstring name = to_wide(wanted.name);
    const std::wstring shown = name == L"syspulse" ? L"syspulse process supervisor"
                                                   : L"syspulse process supervisor " + name;
    const ServiceHandle made(
        ::CreateServiceW(manager->get(), name.c_str(), shown.c_str(), SERVICE_ALL_ACCESS,
                         SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                         line.c_str(), nullptr, nullptr, nullptr, nullptr, nullptr));
    if (!made) return name_is_taken(manager->get(), name, what, ::GetLastError());
    complete_service(made.get());
    return {};
}

Result<void> uninstall_system_service(const std::string& name) {
    const std::string what = "cannot uninstall the service " + name;
    const auto manager = open_manager(what, SC_MANAGER_CONNECT);
    if (!manager) return manager.error();
    const ServiceHandle opened(
        ::OpenServiceW(manager->get(), to_wide(name).c_str(),
                       DELETE | SERVICE_STOP | SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG));
    if (!opened) return service_error(what, ::GetLastError());
    if (const auto other = runs_something_else(opened.get()))
        return Error{ErrorCode::invalid_state,
                     what + ": it is not one of syspulse and is left alone, it runs " + *other +
                         "; --name takes the name that service install was given"};
    if (auto stopped = stop_service(opened.get(), what); !stopped) return stopped;
    if (::DeleteService(opened.get()) == 0) return service_error(what, ::GetLastError());
    return {};
}

Result<int> run_system_service(const std::string& name, const std::function<int()>& body) {
    Service& self = service();
    self.name = to_wide(name);
    self.body = body;
    const SERVICE_TABLE_ENTRYW table[] = {{self.name.data(), service_main}, {nullptr, nullptr}};
    if (::StartServiceCtrlDispatcherW(table) == 0)
        return service_error("cannot run as the service " + name, ::GetLastError());
    const std::lock_guard lock(self.mutex);
    return self.code;
}

void tell_system_log(const std::string& name, const std::string& message) {
    const HANDLE source = ::RegisterEventSourceW(nullptr, to_wide(name).c_str());
    if (source == nullptr) return;
    const std::wstring text = to_wide(message);
    const wchar_t* words = text.c_str();
    ::ReportEventW(source, EVENTLOG_ERROR_TYPE, 0, 0, nullptr, 1, 0, &words, nullptr);
    ::DeregisterEventSource(source);
}

std::filesystem::path system_service_data_dir() {
    const auto data = process_environment()("ProgramData").value_or("");
    return data.empty() ? std::filesystem::path()
                        : std::filesystem::path(to_wide(data)) / "syspulse";
}

Result<std::FILE*> open_error_file(const std::filesystem::path& file) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(file, ignored);
    if (!ignored && size > log_bytes_max)
        std::filesystem::rename(file, std::filesystem::path(file) += ".1", ignored);
    std::FILE* const opened = open_to_append(file);
    if (opened == nullptr) return Error{ErrorCode::unavailable, "cannot write to " + file.string()};
    std::setvbuf(opened, nullptr, _IONBF, 0);
    ::SetStdHandle(STD_ERROR_HANDLE, reinterpret_cast<HANDLE>(::_get_osfhandle(::_fileno(opened))));
    return opened;
}

}  // namespace syspulse::platform
