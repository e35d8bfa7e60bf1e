#include "job/held_threads.hpp"

#include <tlhelp32.h>

#include <optional>
#include <set>
#include <utility>

namespace syspulse::plugins::job {
namespace {

using windows::UniqueHandle;
using windows::win32_error;

// The last one finds nothing new. Whoever makes threads faster than that is not held.
constexpr int rounds_most = 50;
constexpr DWORD failed = static_cast<DWORD>(-1);

// The list of threads is made after that of processes; those of younger ones the next round sees.
ThreadsByProcess threads_of(const JobObject& job) {
    const std::vector<DWORD> pids = job.pids();
    const std::set<DWORD> members(pids.begin(), pids.end());
    ThreadsByProcess threads = list_threads();
    std::erase_if(threads, [&](const auto& at) { return members.count(at.first) == 0; });
    return threads;
}

UniqueHandle open_thread(DWORD thread) {
    return UniqueHandle(::OpenThread(
        THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION | SYNCHRONIZE, FALSE,
        thread));
}

// Of a thread that could not be opened.
bool is_gone(DWORD code) {
    return code == ERROR_INVALID_PARAMETER;
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

// Threads that were suspended a moment ago, and go on if they are not kept.
class HeldNow {
  public:
    HeldNow() = default;
    HeldNow(const HeldNow&) = delete;
    HeldNow& operator=(const HeldNow&) = delete;
    ~HeldNow() {
        for (const auto& [number, thread] : threads_) ::ResumeThread(thread.get());
    }
    bool has(DWORD number) const { return threads_.count(number) != 0; }
    // Its place is there before it is suspended. One that has ended meanwhile gets none.
    void add(DWORD number, UniqueHandle thread) {
        const auto place = threads_.emplace(number, std::move(thread)).first;
        if (!suspend(place->second.get())) threads_.erase(place);
    }
    void keep_in(std::map<DWORD, UniqueHandle>& kept) noexcept { kept.merge(threads_); }

  private:
    std::map<DWORD, UniqueHandle> threads_;
};

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

ThreadsByProcess list_threads() {
    const UniqueHandle all(::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0));
    if (!all) throw win32_error("cannot list threads", ::GetLastError());
    ThreadsByProcess threads;
    THREADENTRY32 entry{};
    entry.dwSize = sizeof entry;
    for (BOOL more = ::Thread32First(all.get(), &entry); more != 0;
         more = ::Thread32Next(all.get(), &entry)) {
        threads.emplace(entry.th32OwnerProcessID, entry.th32ThreadID);
    }
    const DWORD code = ::GetLastError();
    if (code != ERROR_NO_MORE_FILES) throw win32_error("cannot list all threads", code);
    return threads;
}

// After a round that finds nothing new, all threads were suspended before their list was made, so
// that nobody could make another one.
void HeldThreads::hold(const JobObject& job) {
    HeldNow held_now;
    std::set<DWORD> ended_threads;
    for (int round = 0; round < rounds_most; ++round) {
        bool found_new = false;
        for (const auto& [process, number] : threads_of(job)) {
            if (threads_.count(number) != 0 || held_now.has(number)) continue;
            UniqueHandle thread = open_thread(number);
            const DWORD code = ::GetLastError();
            if (!thread && !is_gone(code)) {
                throw win32_error("cannot hold a thread of process " + std::to_string(process),
                                  code);
            }
            // One that has ended may have made another before, and stays in the list of some
            // systems.
            const bool ended = !thread || has_ended(thread.get());
            if (ended) {
                found_new = ended_threads.insert(number).second || found_new;
                continue;
            }
            found_new = true;
            held_now.add(number, std::move(thread));
        }
        if (found_new) continue;
        held_now.keep_in(threads_);
        return;
    }
    throw sdk::Error{SYSP_E_TIMEOUT,
                     "cannot hold the process still: it makes new threads all the time"};
}

void HeldThreads::let_go() noexcept {
    for (const auto& [number, thread] : threads_) ::ResumeThread(thread.get());
    threads_.clear();
}

void HeldThreads::free_all(const JobObject& job) {
    DWORD failure = ERROR_SUCCESS;
    for (const auto& [process, number] : threads_of(job)) {
        const UniqueHandle thread = open_thread(number);
        const DWORD code = ::GetLastError();
        // Who may not open a thread did not hold it either.
        if (!thread && !is_gone(code) && code != ERROR_ACCESS_DENIED) failure = code;
        const ULONG count = thread ? suspensions(thread.get()).value_or(0) : 0;
        for (ULONG i = 0; i < count; ++i) ::ResumeThread(thread.get());
    }
    if (failure != ERROR_SUCCESS) throw win32_error("cannot let a thread go on", failure);
}

bool HeldThreads::take_over(const ThreadsByProcess& all, const JobObject& job, DWORD pid) {
    const auto [first, last] = all.equal_range(pid);
    bool is_held = false;
    for (auto at = first; at != last; ++at) {
        const UniqueHandle thread = open_thread(at->second);
        // Of one that cannot be asked it is not known to be held.
        if (!thread && !is_gone(::GetLastError())) return false;
        if (!thread || has_ended(thread.get())) continue;
        if (suspensions(thread.get()).value_or(0) == 0) return false;
        is_held = true;
    }
    if (!is_held) return false;
    for (const auto& [process, number] : threads_of(job)) {
        UniqueHandle thread = open_thread(number);
        if (thread && suspensions(thread.get()).value_or(0) > 0)
            threads_[number] = std::move(thread);
    }
    return !threads_.empty();
}

}  // namespace syspulse::plugins::job
