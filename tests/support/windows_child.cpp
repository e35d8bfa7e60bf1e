// A program for tests on Windows to run; what it does is its first argument:
//   exit N        ends with N
//   argv ...      prints the other arguments, one a line, in brackets
//   env           prints its environment
//   cwd           prints its directory
//   sleep         never ends by itself
//   handle        prints how many handles it has inherited of the values that follow
//   ctrl FILE     ends with 21 at Ctrl+C; makes FILE when it is ready
//   away FILE BACK  makes FILE when it has left its console, returns to it once there is BACK, and
//                 ends with 21 at Ctrl+C
//   deaf FILE     ignores Ctrl+C; makes FILE when it is ready
//   guarded FILE  makes FILE when nobody may open its first thread, and has suspended another one
//   event NAME FILE  waits for the event and ends with 22
//   steps NAME FILE  waits for the event; ends with 22 if Ctrl+C came before it, else with 23
//   tree FILE     starts `sleep` twice, writes their numbers to FILE and waits
//   many N FILE   starts N processes one after the other, each of which ends at once, makes FILE
//                 and waits
//   crash         reads from where nothing is
//   lines N       prints N numbered lines
//   tick          prints a line, then `sleep`
//   until FILE N  ends with N once there is such a file
//   speak FILE...  prints each name once there is such a file, and then makes FILE.said, which
//   holds
//                 what became of it
//   interrupt FILE PROGRAM ...  runs the program in a console that nobody sees, sends Ctrl+C to it
//                 once there is FILE, and ends as it does
//   service NAME  prints whether it accepts preshutdown now, and for how many milliseconds Windows
//                 waits for it then
//   lives PID     ends with 0 if that process lives, else with 1
//   kill PID N    ends that process with N
//   held PID      ends with 0 if none of its threads may run, else with 1
//   image PID     prints the file that the process runs
//   hold PID, let_go PID  stops all threads of that process, and lets them run again
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "support/held_still.hpp"

namespace {

using Words = std::vector<std::wstring>;

std::string utf8(const std::wstring& wide) {
    const int size = ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()),
                                           nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(size), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), static_cast<int>(wide.size()), text.data(), size,
                          nullptr, nullptr);
    return text;
}

bool print(const std::string& line) {
    const std::string text = line + "\n";
    DWORD written = 0;
    return ::WriteFile(::GetStdHandle(STD_OUTPUT_HANDLE), text.data(),
                       static_cast<DWORD>(text.size()), &written, nullptr) != 0;
}

// Appears complete.
void make_file(const std::wstring& path, const std::string& text) {
    const std::wstring unfinished = path + L".new";
    const HANDLE file =
        ::CreateFileW(unfinished.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, 0, nullptr);
    DWORD written = 0;
    ::WriteFile(file, text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
    ::CloseHandle(file);
    ::MoveFileExW(unfinished.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING);
}

[[noreturn]] void wait_for_ever() {
    ::Sleep(INFINITE);
    std::abort();
}

BOOL WINAPI end_with_21(DWORD event) {
    if (event == CTRL_C_EVENT) ::ExitProcess(21);
    return FALSE;
}

// In the same console; zero if that fails.
DWORD start_self(std::wstring line, bool wait) {
    wchar_t self[MAX_PATH];
    ::GetModuleFileNameW(nullptr, self, MAX_PATH);
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION made{};
    if (::CreateProcessW(self, line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup,
                         &made) == 0) {
        return 0;
    }
    if (wait) ::WaitForSingleObject(made.hProcess, INFINITE);
    return made.dwProcessId;
}
DWORD start_sleeper() {
    return start_self(L"child sleep", false);
}

int start_many(const Words& words) {
    for (long left = std::wcstol(words[2].c_str(), nullptr, 10); left > 0; --left) {
        if (start_self(L"child exit 0", true) == 0) return 3;
    }
    make_file(words[3], "started");
    wait_for_ever();
}

int start_tree(const std::wstring& file) {
    std::string pids;
    for (int i = 0; i < 2; ++i) {
        const DWORD pid = start_sleeper();
        if (pid == 0) return 3;
        pids += std::to_string(pid) + "\n";
    }
    make_file(file, pids);
    wait_for_ever();
}

DWORD WINAPI end_at_once(void*) {
    return 0;
}

// Nobody may open its first thread, and the only other one it has suspended itself.
void guard_first_thread() {
    ACL nobody{};
    SECURITY_DESCRIPTOR guarded{};
    ::InitializeAcl(&nobody, sizeof nobody, ACL_REVISION);
    ::InitializeSecurityDescriptor(&guarded, SECURITY_DESCRIPTOR_REVISION);
    ::SetSecurityDescriptorDacl(&guarded, TRUE, &nobody, FALSE);
    ::CreateThread(nullptr, 0, end_at_once, nullptr, CREATE_SUSPENDED, nullptr);
    ::SetKernelObjectSecurity(::GetCurrentThread(), DACL_SECURITY_INFORMATION, &guarded);
}

int wait_for_event(const Words& words) {
    const HANDLE event = ::CreateEventW(nullptr, TRUE, FALSE, words[2].c_str());
    make_file(words[3], "ready");
    ::WaitForSingleObject(event, INFINITE);
    return 22;
}

volatile bool interrupted = false;

BOOL WINAPI note_interrupt(DWORD event) {
    if (event == CTRL_C_EVENT) interrupted = true;
    return TRUE;
}

int wait_for_steps(const Words& words) {
    ::SetConsoleCtrlHandler(note_interrupt, TRUE);
    return wait_for_event(words) == 22 && interrupted ? 22 : 23;
}

int print_environment() {
    wchar_t* const block = ::GetEnvironmentStringsW();
    for (const wchar_t* entry = block; *entry != L'\0'; entry += std::wstring(entry).size() + 1)
        print(utf8(entry));
    return 0;
}

int print_directory() {
    wchar_t directory[1024];
    ::GetCurrentDirectoryW(1024, directory);
    print(utf8(directory));
    return 0;
}

int count_handles(const Words& words) {
    int count = 0;
    for (std::size_t i = 2; i < words.size(); ++i) {
        DWORD flags = 0;
        const auto value =
            static_cast<std::uintptr_t>(std::wcstoull(words[i].c_str(), nullptr, 10));
        if (::GetHandleInformation(reinterpret_cast<HANDLE>(value), &flags) != 0) ++count;
    }
    print(std::to_string(count));
    return 0;
}

void wait_for_file(const std::wstring& file) {
    constexpr DWORD pause_ms = 20;
    while (::GetFileAttributesW(file.c_str()) == INVALID_FILE_ATTRIBUTES) ::Sleep(pause_ms);
}

int leave_console(const Words& words) {
    constexpr DWORD pause_ms = 20;
    const DWORD other = start_sleeper();
    ::FreeConsole();
    make_file(words[2], "ready");
    wait_for_file(words[3]);
    ::SetConsoleCtrlHandler(end_with_21, TRUE);
    while (::AttachConsole(other) == 0) ::Sleep(pause_ms);
    wait_for_ever();
}

int end_at_file(const Words& words) {
    wait_for_file(words[2]);
    return static_cast<int>(std::wcstoul(words[3].c_str(), nullptr, 0));
}

int speak(const Words& words) {
    for (std::size_t i = 2; i < words.size(); ++i) {
        wait_for_file(words[i]);
        const std::wstring name = words[i].substr(words[i].find_last_of(L'\\') + 1);
        make_file(words[i] + L".said", print(utf8(name)) ? "printed" : "failed");
    }
    wait_for_ever();
}

// In the console's group of processes, as a person at it would be.
int interrupt(const Words& words) {
    std::wstring line;
    for (std::size_t i = 3; i < words.size(); ++i) line += L'"' + words[i] + L"\" ";
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = ::GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = ::GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
    PROCESS_INFORMATION made{};
    if (::CreateProcessW(words[3].c_str(), line.data(), nullptr, nullptr, TRUE, CREATE_NO_WINDOW,
                         nullptr, nullptr, &startup, &made) == 0) {
        return 3;
    }
    wait_for_file(words[2]);
    ::FreeConsole();
    if (::AttachConsole(made.dwProcessId) == 0) return 4;
    ::SetConsoleCtrlHandler(nullptr, TRUE);
    if (::GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) == 0) return 5;
    ::WaitForSingleObject(made.hProcess, INFINITE);
    DWORD code = 0;
    ::GetExitCodeProcess(made.hProcess, &code);
    return static_cast<int>(code);
}

bool lives(unsigned long pid) {
    const HANDLE process = ::OpenProcess(SYNCHRONIZE, FALSE, pid);
    return process != nullptr && ::WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
}

int kill(const Words& words) {
    const HANDLE process =
        ::OpenProcess(PROCESS_TERMINATE, FALSE, std::wcstoul(words[2].c_str(), nullptr, 10));
    return process != nullptr &&
                   ::TerminateProcess(process, std::wcstoul(words[3].c_str(), nullptr, 10)) != 0
               ? 0
               : 1;
}

// By functions that the headers do not declare.
int hold(unsigned long pid, const char* function) {
    using Function = LONG(WINAPI*)(HANDLE);
    const auto call = reinterpret_cast<Function>(
        reinterpret_cast<void*>(::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), function)));
    const HANDLE process = ::OpenProcess(PROCESS_SUSPEND_RESUME, FALSE, pid);
    return process != nullptr && call != nullptr && call(process) >= 0 ? 0 : 1;
}

int print_image(unsigned long pid) {
    wchar_t path[32'768];
    DWORD size = static_cast<DWORD>(std::size(path));
    const HANDLE process = ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (::QueryFullProcessImageNameW(process, 0, path, &size) == 0) return 1;
    print(utf8(path));
    return 0;
}

int print_preshutdown(const Words& words) {
    const SC_HANDLE manager = ::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    const SC_HANDLE service =
        ::OpenServiceW(manager, words[2].c_str(), SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG);
    SERVICE_STATUS status{};
    SERVICE_PRESHUTDOWN_INFO info{};
    DWORD needed = 0;
    if (::QueryServiceStatus(service, &status) == 0 ||
        ::QueryServiceConfig2W(service, SERVICE_CONFIG_PRESHUTDOWN_INFO,
                               reinterpret_cast<BYTE*>(&info), sizeof info, &needed) == 0) {
        return 1;
    }
    const bool accepts = (status.dwControlsAccepted & SERVICE_ACCEPT_PRESHUTDOWN) != 0;
    print((accepts ? "accepts " : "ignores ") + std::to_string(info.dwPreshutdownTimeout));
    return 0;
}

// The codes with which a service has stopped: the system's, and its own.
int print_service_end(const Words& words) {
    const SC_HANDLE manager = ::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    const SC_HANDLE service = ::OpenServiceW(manager, words[2].c_str(), SERVICE_QUERY_STATUS);
    SERVICE_STATUS status{};
    if (::QueryServiceStatus(service, &status) == 0) return 1;
    print(std::to_string(status.dwWin32ExitCode) + " " +
          std::to_string(status.dwServiceSpecificExitCode));
    return 0;
}

int run(const Words& words) {
    const std::wstring verb = words.size() > 1 ? words[1] : L"";
    if (verb == L"exit") return static_cast<int>(std::wcstol(words[2].c_str(), nullptr, 0));
    if (verb == L"argv") {
        for (std::size_t i = 2; i < words.size(); ++i) print("[" + utf8(words[i]) + "]");
        return 0;
    }
    if (verb == L"env") return print_environment();
    if (verb == L"cwd") return print_directory();
    if (verb == L"handle") return count_handles(words);
    if (verb == L"away") return leave_console(words);
    if (verb == L"tree") return start_tree(words[2]);
    if (verb == L"many") return start_many(words);
    if (verb == L"until") return end_at_file(words);
    if (verb == L"speak") return speak(words);
    if (verb == L"interrupt") return interrupt(words);
    if (verb == L"kill") return kill(words);
    if (verb == L"service_end") return print_service_end(words);
    if (verb == L"service") return print_preshutdown(words);
    if (verb == L"hold" || verb == L"let_go") {
        return hold(std::wcstoul(words[2].c_str(), nullptr, 10),
                    verb == L"hold" ? "NtSuspendProcess" : "NtResumeProcess");
    }
    if (verb == L"held")
        return syspulse::testing::held_still(std::wcstoul(words[2].c_str(), nullptr, 10)) ? 0 : 1;
    if (verb == L"image") return print_image(std::wcstoul(words[2].c_str(), nullptr, 10));
    if (verb == L"lives") return lives(std::wcstoul(words[2].c_str(), nullptr, 10)) ? 0 : 1;
    if (verb == L"event") return wait_for_event(words);
    if (verb == L"steps") return wait_for_steps(words);
    if (verb == L"ctrl" || verb == L"deaf" || verb == L"guarded") {
        if (verb == L"guarded") guard_first_thread();
        ::SetConsoleCtrlHandler(verb == L"ctrl" ? end_with_21 : nullptr, TRUE);
        make_file(words[2], "ready");
    }
    if (verb == L"lines") {
        const long count = std::wcstol(words[2].c_str(), nullptr, 10);
        for (long i = 0; i < count; ++i) print("line " + std::to_string(i));
        return 0;
    }
    if (verb == L"tick") print("tick");
    if (verb == L"crash") {
        volatile int* const nowhere = nullptr;
        return *nowhere;
    }
    wait_for_ever();
}

}  // namespace

int wmain(int argc, wchar_t** argv) {
    const int code = run(Words(argv, argv + argc));
    return code;
}
