// @NAME@-signal PID: sends Ctrl+C to the console of that process. A process has one console only, so that the host, in
// which the driver runs, cannot be in another's for a moment; this one can. It ends with 0 when Ctrl+C was sent.
#include <windows.h>
#include <cstdlib>

namespace {
// A process that has just been made has no console before it has run for a moment.
bool attach_to_console_of(DWORD pid) {
    const HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, pid);
    for (int tries = 0; tries < 1000; ++tries) {
        if (AttachConsole(pid)) return true;
        if (process == nullptr || WaitForSingleObject(process, 10 /* ms */) != WAIT_TIMEOUT) break;
    }
    return false;
}
}  // namespace
int main(int argc, char** argv) {
    FreeConsole();
    if (argc != 2 || !attach_to_console_of(std::strtoul(argv[1], nullptr, 10))) return 1;
    SetConsoleCtrlHandler(nullptr, TRUE);  // It goes to all in the console, this process among them.
    return GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) ? 0 : 1;
}
