// Everything is done by syspulse-kit-program.exe, beside the program: cmd.exe does not tell how it
// was called.
#include <windows.h>

#include <tlhelp32.h>

#include <algorithm>
#include <array>

#include "conformance/programs.hpp"
#include "platform/this_process.hpp"
#include "platform/windows/windows_text.hpp"
#include "syspulse/plugin.h"

namespace syspulse::conformance {
namespace {

using platform::OwnedHandle;

// Longer ones leave no room in a command line, which has 32 767 characters.
constexpr std::size_t long_value = 20'000;

Words program(std::initializer_list<std::string> words) {
    const auto file = platform::program_path().parent_path() / "syspulse-kit-program.exe";
    Words argv{platform::to_utf8(file.native())};
    argv.insert(argv.end(), words);
    return argv;
}

HANDLE native(const OwnedHandle& handle) {
    return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(handle.get()));
}

OwnedHandle owned(HANDLE handle) {
    if (handle == INVALID_HANDLE_VALUE || handle == nullptr) return OwnedHandle();
    return OwnedHandle(reinterpret_cast<std::intptr_t>(handle));
}

constexpr DWORD shared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

// A file that goes with its last handle.
OwnedHandle make_file(const wchar_t* folder, std::array<wchar_t, MAX_PATH>& name) {
    if (::GetTempFileNameW(folder, L"kit", 0, name.data()) == 0) return OwnedHandle();
    return owned(::CreateFileW(name.data(), FILE_APPEND_DATA | SYNCHRONIZE | DELETE, shared,
                               nullptr, OPEN_EXISTING, FILE_FLAG_DELETE_ON_CLOSE, nullptr));
}

std::string windows_directory() {
    std::array<wchar_t, MAX_PATH> path{};
    ::GetWindowsDirectoryW(path.data(), MAX_PATH);
    return platform::to_utf8(path.data());
}

}  // namespace

Words programs::wait_to_be_ended() {
    return program({"wait"});
}

Words programs::outlast_a_manager() {
    return wait_to_be_ended();
}

Words programs::end_with(int code) {
    return end_later(0, code);
}

Words programs::end_later(int tenths, int code) {
    return program({"end", std::to_string(tenths), std::to_string(code)});
}

Words programs::be_polite() {
    return program({"polite", std::to_string(polite_code)});
}

Words programs::be_stubborn() {
    return program({"stubborn"});
}

Words programs::have_a_child() {
    return program({"child"});
}

Words programs::burn() {
    return program({"burn"});
}

Words programs::echo(const Words& values) {
    Words argv = program({"echo"});
    argv.insert(argv.end(), values.begin(), values.end());
    return argv;
}

Words programs::hog() {
    return program({"hog"});
}

Words programs::multiply() {
    return program({"multiply"});
}

// By Ctrl+C, of which Wine makes a zero.
bool ended_as_asked(const ExitStatus& status) {
    return status.kind == ExitStatus::Kind::code &&
           (status.value == 0 || status.value == static_cast<std::int32_t>(STATUS_CONTROL_C_EXIT));
}

std::vector<Ending> endings() {
    const auto ending = [](std::uint32_t code, const std::string& name) {
        const auto value = static_cast<std::int32_t>(code);
        return Ending{programs::end_with(value), name, SYSP_EXIT_CODE, value};
    };
    return {ending(0, "an end with 0"), ending(3, "an end with 3"),
            ending(STILL_ACTIVE, "an end with 259"),
            ending(STATUS_STACK_OVERFLOW, "an end with 0xC00000FD"),
            Ending{program({"crash"}), "an access violation", SYSP_EXIT_CODE,
                   static_cast<std::int32_t>(STATUS_ACCESS_VIOLATION)}};
}

std::vector<std::string> no_programs() {
    return {"C:\\no\\such\\program.exe", root_directory(), windows_directory() + "\\win.ini"};
}

Words awkward_values() {
    return {"two words", "it's \"quoted\"",      "line\nbreak",
            "",          "\xc3\xa4\xe2\x82\xac", "ends in \\",
            "\\\\\"",    "%PATH% ^& | <>",       std::string(long_value, 'x')};
}

// The driver job and the template take five seconds.
const Duration unrecorded_most = std::chrono::seconds{6};

std::string root_directory() {
    return windows_directory().substr(0, 3);
}

Words plain_environment() {
    return {"PATH=" + windows_directory() + "\\system32"};
}

ProgramStreams make_program_streams() {
    std::array<wchar_t, MAX_PATH> folder{};
    std::array<wchar_t, MAX_PATH> name{};
    ::GetTempPathW(MAX_PATH, folder.data());
    ProgramStreams streams;
    streams.given[0] =
        owned(::CreateFileW(L"NUL", GENERIC_READ, shared, nullptr, OPEN_EXISTING, 0, nullptr));
    streams.given[2] = make_file(folder.data(), name);
    streams.given[1] = make_file(folder.data(), name);
    // Its own, as reading at a place moves the place where the same handle writes.
    streams.reader =
        owned(::CreateFileW(name.data(), GENERIC_READ, shared, nullptr, OPEN_EXISTING, 0, nullptr));
    return streams;
}

std::string output_of(const ProgramStreams& streams) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        OVERLAPPED place{};
        place.Offset = static_cast<DWORD>(text.size());
        DWORD got = 0;
        if (::ReadFile(native(streams.reader), buffer.data(), static_cast<DWORD>(buffer.size()),
                       &got, &place) == 0 ||
            got == 0) {
            return text;
        }
        text.append(buffer.data(), got);
    }
}

bool process_lives(std::int64_t pid) {
    const OwnedHandle process = owned(::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(pid)));
    return process && ::WaitForSingleObject(native(process), 0) == WAIT_TIMEOUT;
}

bool is_child(std::int64_t pid) {
    const auto all = children();
    return std::find(all.begin(), all.end(), pid) != all.end();
}

std::vector<std::int64_t> children() {
    const OwnedHandle all = owned(::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
    PROCESSENTRY32W entry{};
    entry.dwSize = sizeof entry;
    std::vector<std::int64_t> found;
    for (BOOL more = ::Process32FirstW(native(all), &entry); more != 0;
         more = ::Process32NextW(native(all), &entry)) {
        if (entry.th32ParentProcessID == ::GetCurrentProcessId())
            found.push_back(static_cast<std::int64_t>(entry.th32ProcessID));
    }
    return found;
}

std::string command_line_of(std::int64_t pid) {
    using Query = LONG(NTAPI*)(HANDLE, int, void*, ULONG, ULONG*);
    constexpr int command_line = 60;  // ProcessCommandLineInformation, which no header has.
    struct {
        USHORT bytes, room;
        wchar_t* text;
        std::array<wchar_t, 32'768> place;
    } found{};
    const auto query = reinterpret_cast<Query>(reinterpret_cast<void*>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationProcess")));
    const OwnedHandle process =
        owned(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, static_cast<DWORD>(pid)));
    if (!process || query(native(process), command_line, &found, sizeof found, nullptr) < 0)
        return {};
    return platform::to_utf8({found.text, found.bytes / sizeof(wchar_t)});
}

void kill_process(std::int64_t pid) {
    const OwnedHandle process =
        owned(::OpenProcess(PROCESS_TERMINATE, FALSE, static_cast<DWORD>(pid)));
    if (process) ::TerminateProcess(native(process), 1);
}

// By the one call for it, which no header has.
void halt_process(std::int64_t pid) {
    using Suspend = LONG(NTAPI*)(HANDLE);
    const auto suspend = reinterpret_cast<Suspend>(reinterpret_cast<void*>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtSuspendProcess")));
    const OwnedHandle process =
        owned(::OpenProcess(PROCESS_SUSPEND_RESUME, FALSE, static_cast<DWORD>(pid)));
    if (process && suspend != nullptr) suspend(native(process));
}

// Nobody has to on Windows.
void collect(std::int64_t) {}
std::size_t children_to_collect() {
    return 0;
}

// Below what is the user's alone.
std::filesystem::path make_folder() {
    std::error_code error;
    const auto folder = std::filesystem::temp_directory_path(error) /
                        ("kit-" + std::to_string(::GetCurrentProcessId()) + "-" +
                         std::to_string(::GetTickCount64()));
    return std::filesystem::create_directory(folder, error) ? folder : std::filesystem::path();
}

// They take a privilege.
bool has_links() {
    return false;
}

// One that is loaded keeps its place against others, but may go elsewhere.
bool put_in_place(const std::filesystem::path& file, const std::filesystem::path& place) {
    std::error_code error;
    std::filesystem::path old = place;
    std::filesystem::rename(place, old += ".old", error);
    if (!error) std::filesystem::rename(file, place, error);
    return !error;
}

std::span<char> slot_page() {
    SYSTEM_INFO system{};
    ::GetSystemInfo(&system);
    void* const page =
        ::VirtualAlloc(nullptr, system.dwPageSize, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (page == nullptr) return {};
    return {static_cast<char*>(page), system.dwPageSize};
}

void forbid_writing(std::span<char> page) {
    DWORD before = 0;
    ::VirtualProtect(page.data(), page.size(), PAGE_READONLY, &before);
}

}  // namespace syspulse::conformance
