// Sends Ctrl+C or Ctrl+Break to the console of another process: syspulse-console-signal PID
// ctrl_c|ctrl_break. A process can have one console only, so it takes a process of its own to be in
// that of another. Started by the driver `job`; says nothing, as nobody listens.
#include <windows.h>

#include <cwchar>

namespace {

// A process that has just been made has no console before it has run for a moment, which takes long
// on a busy machine. One that never gets any is waited for in vain.
bool attach_to_console_of(unsigned long pid) {
    constexpr DWORD pause_ms = 10;
    constexpr int tries = 1000;
    const HANDLE process = ::OpenProcess(SYNCHRONIZE, FALSE, pid);
    for (int i = 0; i < tries; ++i) {
        if (::AttachConsole(pid) != 0) return true;
        if (process == nullptr || ::WaitForSingleObject(process, pause_ms) != WAIT_TIMEOUT) break;
    }
    return false;
}

}  // namespace

int wmain(int argc, wchar_t** argv) {
    if (argc != 3) return 2;
    const unsigned long pid = std::wcstoul(argv[1], nullptr, 10);
    const bool interrupt = std::wcscmp(argv[2], L"ctrl_c") == 0;
    ::FreeConsole();
    if (!attach_to_console_of(pid)) return 3;
    // The event goes to all in the console, this process among them.
    ::SetConsoleCtrlHandler(nullptr, TRUE);
    const DWORD event = interrupt ? CTRL_C_EVENT : CTRL_BREAK_EVENT;
    return ::GenerateConsoleCtrlEvent(event, 0) != 0 ? 0 : 4;
}
