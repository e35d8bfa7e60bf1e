#include "job/held_threads.hpp"

#include <tlhelp32.h>

#include <optional>
#include <set>

namespace syspulse::plugins::job {
namespace {

using windows::UniqueHandle;
using windows::win32_error;

// The last one finds nothing new. Whoever makes threads faster than that is not held.
constexpr int rounds_most = 50;
constexpr DWORD failed = static_cast<DWORD>(-1);

struct ThreadOf {
    DWORD thread;
    DWORD process;
};

std::vector<ThreadOf> threads_of(const JobObject& job) {
    // The list of threads is made after that of processes; those of younger ones the next round
    // sees.
    const std::vector<DWORD> pids = job.pids();
    const std::set<DWORD> members(pids.begin(), pids.end());
    const UniqueHandle all(::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0));
    if (!all) throw win32_error("cannot list threads", ::GetLastError());
    std::vector<ThreadOf> threads;
    THREADENTRY32 entry{};
    entry.dwSize = sizeof entry;
    for (BOOL more = ::Thread32First(all.get(), &entry); more != 0;
         more = ::Thread32Next(all.get(), &entry)) {
        if (members.count(entry.th32OwnerProcessID) != 0)
            threads.push_back({entry.th32ThreadID, entry.th32OwnerProcessID});
    }
    return threads;
}

UniqueHandle open_thread(DWORD thread) {
    return UniqueHandle(::OpenThread(
        THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION | SYNCHRONIZE, FALSE,
        thread));
}

bool has_ended(HANDLE thread) {
    return ::WaitForSingleObject(thread, 0) == WAIT_OBJECT_0;
}

// Suspending is only asked for; who then looks at its registers waits until it is so.
bool suspend(HANDLE thread) {
    if (::SuspendThread(thread) == failed) return false;
    CONTEXT registers{};
    registers.ContextFlags = CONTEXT_CONTROL;
    (void)::GetThreadContext(thread, &registers);
    return true;
}

// How often it is suspended, by a question that no header has; nothing if nobody answers.
std::optional<ULONG> suspensions(HANDLE thread) {
    using Query = LONG(NTAPI*)(HANDLE, int, void*, ULONG, ULONG*);
    constexpr int suspend_count = 35;  // ThreadSuspendCount
    static const auto query = reinterpret_cast<Query>(reinterpret_cast<void*>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationThread")));
    ULONG count = 0;
    if (query == nullptr || query(thread, suspend_count, &count, sizeof count, nullptr) < 0)
        return std::nullopt;
    return count;
}

}  // namespace

// After a round that finds nothing new, all threads were suspended before their list was made, so
// that nobody could make another one.
void HeldThreads::hold(const JobObject& job) {
    std::map<DWORD, UniqueHandle> held_now;
    std::set<DWORD> ended_threads;
    const auto give_up = [&held_now](const sdk::Error& error) {
        for (const auto& [number, thread] : held_now) ::ResumeThread(thread.get());
        throw error;
    };
    for (int round = 0; round < rounds_most; ++round) {
        bool found_new = false;
        for (const ThreadOf& at : threads_of(job)) {
            if (threads_.count(at.thread) != 0 || held_now.count(at.thread) != 0) continue;
            UniqueHandle thread = open_thread(at.thread);
            const DWORD code = ::GetLastError();
            if (!thread && code == ERROR_ACCESS_DENIED) {
                give_up(win32_error("cannot hold a thread of process " + std::to_string(at.process),
                                    code));
            }
            // One that has ended may have made another before, and stays in the list of some
            // systems.
            const bool ended = !thread || has_ended(thread.get());
            if (ended) {
                found_new = ended_threads.insert(at.thread).second || found_new;
                continue;
            }
            found_new = true;
            if (suspend(thread.get())) held_now[at.thread] = std::move(thread);
        }
        if (found_new) continue;
        threads_.merge(held_now);
        return;
    }
    give_up({SYSP_E_TIMEOUT, "cannot hold the process still: it makes new threads all the time"});
}

void HeldThreads::let_go() noexcept {
    for (const auto& [number, thread] : threads_) ::ResumeThread(thread.get());
    threads_.clear();
}

bool HeldThreads::take_over(const JobObject& job, DWORD pid) {
    std::map<DWORD, UniqueHandle> found;
    bool leader_has_any = false;
    for (const ThreadOf& at : threads_of(job)) {
        UniqueHandle thread = open_thread(at.thread);
        if (!thread || has_ended(thread.get())) continue;
        const bool suspended = suspensions(thread.get()).value_or(0) > 0;
        if (at.process == pid && !suspended) return false;
        leader_has_any = leader_has_any || at.process == pid;
        if (suspended) found[at.thread] = std::move(thread);
    }
    if (leader_has_any) threads_ = std::move(found);
    return leader_has_any;
}

}  // namespace syspulse::plugins::job
