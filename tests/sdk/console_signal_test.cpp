// The program by which the driver `job` sends Ctrl+C.
#include <gtest/gtest.h>
#include <windows.h>

#include <filesystem>
#include <string>

namespace syspulse::testing {
namespace {

constexpr DWORD patience_ms = 60'000;

PROCESS_INFORMATION start(const std::filesystem::path& program, const std::wstring& words,
                          DWORD flags) {
    std::wstring line = L"program " + words;
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION made{};
    EXPECT_NE(::CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, FALSE,
                               flags | CREATE_NO_WINDOW, nullptr, nullptr, &startup, &made),
              0);
    return made;
}

DWORD exit_code(const PROCESS_INFORMATION& of) {
    DWORD code = STILL_ACTIVE;
    EXPECT_EQ(::WaitForSingleObject(of.hProcess, patience_ms), WAIT_OBJECT_0);
    ::GetExitCodeProcess(of.hProcess, &code);
    return code;
}

// Also of one that should have ended by now, so that nothing is left of a test that fails.
void close(const PROCESS_INFORMATION& of) {
    ::TerminateProcess(of.hProcess, 1);
    ::CloseHandle(of.hThread);
    ::CloseHandle(of.hProcess);
}

// As when a daemon is stopped right after its start.
TEST(ConsoleSignal, waits_for_a_process_that_has_no_console_yet) {
    constexpr DWORD a_moment_ms = 500;
    const auto signaller =
        std::filesystem::path(JOB_PLUGIN).parent_path() / "syspulse-console-signal.exe";
    const PROCESS_INFORMATION child = start(CHILD_PROGRAM, L"sleep", CREATE_SUSPENDED);
    const PROCESS_INFORMATION signal =
        start(signaller, std::to_wstring(child.dwProcessId) + L" ctrl_c", 0);
    EXPECT_EQ(::WaitForSingleObject(signal.hProcess, a_moment_ms), DWORD{WAIT_TIMEOUT});
    ::ResumeThread(child.hThread);
    EXPECT_EQ(exit_code(signal), 0U);
    const DWORD code = exit_code(child);
    EXPECT_TRUE(code == 0 || code == DWORD{0xC000013A}) << code;  // Zero under Wine.
    close(signal);
    close(child);
}

TEST(ConsoleSignal, gives_up_one_that_has_ended) {
    const auto signaller =
        std::filesystem::path(JOB_PLUGIN).parent_path() / "syspulse-console-signal.exe";
    const PROCESS_INFORMATION child = start(CHILD_PROGRAM, L"exit 0", 0);
    EXPECT_EQ(exit_code(child), 0U);
    const PROCESS_INFORMATION signal =
        start(signaller, std::to_wstring(child.dwProcessId) + L" ctrl_c", 0);
    EXPECT_EQ(exit_code(signal), 3U);
    close(signal);
    close(child);
}

}  // namespace
}  // namespace syspulse::testing
