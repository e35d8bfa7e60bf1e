// A program for tests on Windows to run; what it does is its first argument:
//   exit N        ends with N
//   argv ...      prints the other arguments, one a line, in brackets
//   env           prints its environment
//   cwd           prints its directory
//   sleep         never ends by itself
//   handle        prints how many handles it has inherited of the values that follow
//   ctrl FILE     ends with 21 at Ctrl+C; makes FILE when it is ready
//   deaf FILE     ignores Ctrl+C; makes FILE when it is ready
//   event NAME FILE  waits for the event and ends with 22
//   tree FILE     starts `sleep` twice, writes their numbers to FILE and waits
//   crash         reads from where nothing is
//   lines N       prints N numbered lines
//   tick          prints a line, then `sleep`
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

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

void print(const std::string& line) {
    const std::string text = line + "\n";
    DWORD written = 0;
    ::WriteFile(::GetStdHandle(STD_OUTPUT_HANDLE), text.data(), static_cast<DWORD>(text.size()),
                &written, nullptr);
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

int start_tree(const std::wstring& file) {
    wchar_t self[MAX_PATH];
    ::GetModuleFileNameW(nullptr, self, MAX_PATH);
    std::string pids;
    for (int i = 0; i < 2; ++i) {
        std::wstring line = L"child sleep";
        STARTUPINFOW startup{};
        startup.cb = sizeof startup;
        PROCESS_INFORMATION made{};
        if (::CreateProcessW(self, line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr,
                             &startup, &made) == 0) {
            return 3;
        }
        pids += std::to_string(made.dwProcessId) + "\n";
    }
    make_file(file, pids);
    wait_for_ever();
}

int wait_for_event(const Words& words) {
    const HANDLE event = ::CreateEventW(nullptr, TRUE, FALSE, words[2].c_str());
    make_file(words[3], "ready");
    ::WaitForSingleObject(event, INFINITE);
    return 22;
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
    if (verb == L"tree") return start_tree(words[2]);
    if (verb == L"event") return wait_for_event(words);
    if (verb == L"ctrl" || verb == L"deaf") {
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
