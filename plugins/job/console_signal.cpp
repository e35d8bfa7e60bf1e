// Sends Ctrl+C or Ctrl+Break to the console of another process: syspulse-console-signal PID
// ctrl_c|ctrl_break. A process can have one console only, so it takes a process of its own to be in
// that of another. Started by the driver `job`; says nothing, as nobody listens.
#include <windows.h>

#include <cwchar>

int wmain(int argc, wchar_t** argv) {
    if (argc != 3) return 2;
    const unsigned long pid = std::wcstoul(argv[1], nullptr, 10);
    const bool interrupt = std::wcscmp(argv[2], L"ctrl_c") == 0;
    ::FreeConsole();
    if (::AttachConsole(pid) == 0) return 3;
    // The event goes to all in the console, this process among them.
    ::SetConsoleCtrlHandler(nullptr, TRUE);
    const DWORD event = interrupt ? CTRL_C_EVENT : CTRL_BREAK_EVENT;
    return ::GenerateConsoleCtrlEvent(event, 0) != 0 ? 0 : 4;
}
