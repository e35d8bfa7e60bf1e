// Whether a process of Windows is held still, as seen from outside.
#pragma once

#include <windows.h>

#include <tlhelp32.h>

namespace syspulse::testing {

// By a question that the headers do not declare: how often a thread is suspended.
inline bool is_suspended(DWORD thread_id) {
    using Query = LONG(WINAPI*)(HANDLE, int, void*, ULONG, ULONG*);
    constexpr int suspend_count = 35;
    const auto query = reinterpret_cast<Query>(reinterpret_cast<void*>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationThread")));
    const HANDLE thread = ::OpenThread(THREAD_QUERY_INFORMATION, FALSE, thread_id);
    if (thread == nullptr) return false;
    ULONG count = 0;
    const bool told = query(thread, suspend_count, &count, sizeof count, nullptr) >= 0;
    ::CloseHandle(thread);
    return told && count > 0;
}

// It has threads, and none of them may run.
inline bool held_still(DWORD pid) {
    const HANDLE all = ::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    THREADENTRY32 entry{};
    entry.dwSize = sizeof entry;
    int held = 0;
    int running = 0;
    for (BOOL more = ::Thread32First(all, &entry); more != 0; more = ::Thread32Next(all, &entry)) {
        if (entry.th32OwnerProcessID == pid) ++(is_suspended(entry.th32ThreadID) ? held : running);
    }
    ::CloseHandle(all);
    return held > 0 && running == 0;
}

}  // namespace syspulse::testing
