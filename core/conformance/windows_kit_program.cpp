// syspulse-kit-program VERB ...: what the conformance kit has drivers run on Windows. It lies
// beside syspulse.exe and needs nothing of it.
//   wait            never ends by itself
//   end TENTHS N    ends with N after so many tenths of a second
//   polite N        says "polite"; ends with N at Ctrl+C or Ctrl+Break
//   stubborn        says "ready"; heeds neither
//   child           starts `wait`, says "child PID" and "ready"
//   burn            says "ready" and uses a processor
//   echo ...        says every argument with a bar behind it, the directory, and "done"
//   env             says its environment
//   console         says whether it ignores Ctrl+C, and the numbers of all processes of its console
//   handle VALUE    says whether that is a handle that it has
//   crash           reads from where nothing is
//   multiply        starts `wait` sixty times, or tries to; says "child PID" of each, and "made"
//   hog             takes 256 MiB and says "survived"
#include <windows.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "conformance/windows_console_flags.hpp"

namespace {

std::string utf8(const std::wstring& wide) {
    const int units = static_cast<int>(wide.size());
    const int size =
        ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), units, nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(size), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), units, text.data(), size, nullptr, nullptr);
    return text;
}

void say(const std::string& text) {
    DWORD written = 0;
    ::WriteFile(::GetStdHandle(STD_OUTPUT_HANDLE), text.data(), static_cast<DWORD>(text.size()),
                &written, nullptr);
}

[[noreturn]] void wait_to_be_ended() {
    ::Sleep(INFINITE);
    std::abort();
}

UINT polite_code = 0;

BOOL WINAPI end_politely(DWORD) {
    ::ExitProcess(polite_code);
}

BOOL WINAPI take_no_notice(DWORD) {
    return TRUE;
}

int end_later(const std::wstring& tenths, const std::wstring& code) {
    ::Sleep(static_cast<DWORD>(std::wcstoul(tenths.c_str(), nullptr, 10)) * 100);
    return static_cast<int>(std::wcstol(code.c_str(), nullptr, 10));
}

// Says its number; whether it could be made.
bool make_child() {
    wchar_t self[32'768];
    ::GetModuleFileNameW(nullptr, self, static_cast<DWORD>(std::size(self)));
    std::wstring line = L"child wait";
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION made{};
    if (::CreateProcessW(self, line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup,
                         &made) == 0) {
        return false;
    }
    say("child " + std::to_string(made.dwProcessId) + "\n");
    ::CloseHandle(made.hThread);
    ::CloseHandle(made.hProcess);
    return true;
}

int have_a_child() {
    if (!make_child()) return 3;
    say("ready\n");
    wait_to_be_ended();
}

int multiply() {
    for (int i = 0; i < 60; ++i) (void)make_child();
    say("made\n");
    wait_to_be_ended();
}

int echo(const std::vector<std::wstring>& words) {
    std::string text;
    for (std::size_t i = 2; i < words.size(); ++i) text += utf8(words[i]) + "|";
    wchar_t directory[32'768];
    ::GetCurrentDirectoryW(static_cast<DWORD>(std::size(directory)), directory);
    say(text + utf8(directory) + "\ndone\n");
    return 0;
}

int tell_environment() {
    std::string text;
    wchar_t* const block = ::GetEnvironmentStringsW();
    for (const wchar_t* entry = block; *entry != L'\0'; entry += std::wstring(entry).size() + 1)
        text += utf8(entry) + "\n";
    say(text);
    return 0;
}

int tell_of_handle(const std::wstring& value) {
    DWORD flags = 0;
    const auto number = static_cast<std::uintptr_t>(std::wcstoull(value.c_str(), nullptr, 10));
    const bool has = ::GetHandleInformation(reinterpret_cast<HANDLE>(number), &flags) != 0;
    say(has ? "inherited\n" : "kept back\n");
    return 0;
}

int tell_of_console() {
    DWORD pids[64];
    const DWORD count = ::GetConsoleProcessList(pids, static_cast<DWORD>(std::size(pids)));
    std::string text = syspulse::conformance::ignores_ctrl_c() ? "ignores" : "heeds";
    for (DWORD i = 0; i < count && i < std::size(pids); ++i) text += ' ' + std::to_string(pids[i]);
    say(text + "\n");
    return 0;
}

int take_memory() {
    constexpr std::size_t step = std::size_t{1} << 20;
    for (int i = 0; i < 256; ++i) {
        auto* const bytes = static_cast<volatile char*>(
            ::VirtualAlloc(nullptr, step, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
        if (bytes == nullptr) return 3;
        for (std::size_t at = 0; at < step; at += 4096) bytes[at] = 1;
    }
    say("survived\n");
    return 0;
}

int run(const std::vector<std::wstring>& words) {
    const std::wstring verb = words.size() > 1 ? words[1] : L"";
    if (verb == L"end" && words.size() == 4) return end_later(words[2], words[3]);
    if (verb == L"echo") return echo(words);
    if (verb == L"env") return tell_environment();
    if (verb == L"console") return tell_of_console();
    if (verb == L"handle" && words.size() == 3) return tell_of_handle(words[2]);
    if (verb == L"child") return have_a_child();
    if (verb == L"multiply") return multiply();
    if (verb == L"hog") return take_memory();
    if (verb == L"polite" && words.size() == 3) {
        polite_code = static_cast<UINT>(std::wcstoul(words[2].c_str(), nullptr, 10));
        ::SetConsoleCtrlHandler(end_politely, TRUE);
        say("polite\n");
    }
    if (verb == L"stubborn") {
        ::SetConsoleCtrlHandler(take_no_notice, TRUE);
        say("ready\n");
    }
    if (verb == L"burn") {
        say("ready\n");
        for (volatile unsigned turns = 0;;) turns = turns + 1;
    }
    if (verb == L"crash") {
        const volatile int* const nowhere = nullptr;
        return *nowhere;
    }
    if (verb == L"polite" || verb == L"stubborn" || verb == L"wait") wait_to_be_ended();
    return 2;
}

}  // namespace

int wmain(int argc, wchar_t** argv) {
    const int code = run({argv, argv + argc});
    return code;
}
