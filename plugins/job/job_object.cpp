#include "job/job_object.hpp"

#include <psapi.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace syspulse::plugins::job {
namespace {

using windows::UniqueHandle;
using windows::win32_error;

constexpr std::uint64_t ns_per_tick = 100;
constexpr std::size_t pids_most = 65'536;
// CpuRate counts hundredths of a percent of all processors together.
constexpr std::uint64_t rate_of_all = 10'000;

std::uint64_t joined(const FILETIME& time) {
    return (std::uint64_t{time.dwHighDateTime} << 32U) | time.dwLowDateTime;
}

template <typename T>
bool query(HANDLE job, JOBOBJECTINFOCLASS what, T& info) {
    return ::QueryInformationJobObject(job, what, &info, sizeof info, nullptr) != 0;
}

sdk::Error not_taken(const std::string& key, const std::string& asked, const std::string& has) {
    return {SYSP_E_UNSUPPORTED, "cannot limit " + key + " to " + asked +
                                    ": this system took the limit and reports " + has +
                                    " instead, so it would not be enforced; remove it from "
                                    "resource_limits"};
}

void add_memory_of(DWORD pid, Accounts& accounts) {
    const UniqueHandle process(
        ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_VM_READ, FALSE, pid));
    PROCESS_MEMORY_COUNTERS counters{};
    if (process && ::GetProcessMemoryInfo(process.get(), &counters, sizeof counters) != 0)
        accounts.rss_bytes += counters.WorkingSetSize;
}

bool is_console_host(HANDLE process) {
    constexpr std::wstring_view name = L"\\conhost.exe";
    std::array<wchar_t, 32'768> path{};
    auto size = static_cast<DWORD>(path.size());
    if (::QueryFullProcessImageNameW(process, 0, path.data(), &size) == 0) return false;
    const std::wstring_view image(path.data(), size);
    if (image.size() < name.size()) return false;
    const auto* const end = image.data() + image.size() - name.size();
    return ::CompareStringOrdinal(end, static_cast<int>(name.size()), name.data(),
                                  static_cast<int>(name.size()), TRUE) == CSTR_EQUAL;
}

// For systems whose jobs do not count: those of the processes that live.
void add_times_of(DWORD pid, std::uint64_t& user, std::uint64_t& system) {
    const UniqueHandle process(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    FILETIME created{}, ended{}, kernel_time{}, user_time{};
    if (!process ||
        ::GetProcessTimes(process.get(), &created, &ended, &kernel_time, &user_time) == 0)
        return;
    user += joined(user_time) * ns_per_tick;
    system += joined(kernel_time) * ns_per_tick;
}

}  // namespace

std::uint64_t creation_of(HANDLE process) {
    FILETIME created{}, ended{}, kernel_time{}, user_time{};
    if (::GetProcessTimes(process, &created, &ended, &kernel_time, &user_time) == 0) return 0;
    return joined(created);
}

UniqueHandle open_process(DWORD pid) {
    return UniqueHandle(::OpenProcess(
        SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE | PROCESS_SET_QUOTA,
        FALSE, pid));
}

bool are_told(const JOBOBJECT_EXTENDED_LIMIT_INFORMATION& limits) noexcept {
    constexpr DWORD told = JOB_OBJECT_LIMIT_JOB_MEMORY | JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
    return (limits.BasicLimitInformation.LimitFlags & told) != 0;
}

LimitRequest limit_request(const sysp_limits& limits, std::uint32_t processors) {
    LimitRequest request;
    auto& basic = request.extended.BasicLimitInformation;
    if ((limits.valid & SYSP_LIMIT_MEMORY) != 0) {
        basic.LimitFlags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
        request.extended.JobMemoryLimit = limits.memory_bytes;
    }
    if ((limits.valid & SYSP_LIMIT_PROCESSES) != 0) {
        basic.LimitFlags |= JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
        basic.ActiveProcessLimit =
            static_cast<DWORD>(std::min<std::uint64_t>(limits.processes, MAXDWORD));
    }
    if ((limits.valid & SYSP_LIMIT_CPU) != 0) {
        const std::uint64_t rate = limits.cpu_percent * std::uint64_t{100} / processors;
        JOBOBJECT_CPU_RATE_CONTROL_INFORMATION cpu{};
        cpu.ControlFlags =
            JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
        cpu.CpuRate = static_cast<DWORD>(std::clamp<std::uint64_t>(rate, 1, rate_of_all));
        request.cpu = cpu;
    }
    return request;
}

JobObject JobObject::create(const std::wstring& name) {
    JobObject job(::CreateJobObjectW(nullptr, name.c_str()));
    const DWORD code = ::GetLastError();
    if (!job) throw win32_error("cannot make a job", code);
    if (code == ERROR_ALREADY_EXISTS) {
        throw sdk::Error{SYSP_E_INVALID,
                         "cannot make a job: one named " + windows::to_utf8(name) + " exists"};
    }
    return job;
}

JobObject JobObject::open(const std::wstring& name) {
    JobObject job(::OpenJobObjectW(JOB_OBJECT_ALL_ACCESS, FALSE, name.c_str()));
    // What is changed later leaves the limits as they are.
    if (job) (void)query(job.get(), JobObjectExtendedLimitInformation, job.wanted_);
    return job;
}

void JobObject::set_extended(const JOBOBJECT_EXTENDED_LIMIT_INFORMATION& wanted) {
    auto copy = wanted;
    if (::SetInformationJobObject(get(), JobObjectExtendedLimitInformation, &copy, sizeof copy) ==
        0)
        throw win32_error("cannot set the limits of a job", ::GetLastError());
    wanted_ = wanted;
}

void JobObject::limit(const sysp_limits& limits) {
    const DWORD processors = std::max<DWORD>(1, ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
    LimitRequest request = limit_request(limits, processors);
    auto& basic = request.extended.BasicLimitInformation;
    if (basic.LimitFlags != 0) {
        set_extended(request.extended);
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION has{};
        (void)query(get(), JobObjectExtendedLimitInformation, has);
        const bool memory = (basic.LimitFlags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0;
        if (memory && has.JobMemoryLimit != request.extended.JobMemoryLimit) {
            throw not_taken("max_memory_bytes", std::to_string(limits.memory_bytes),
                            std::to_string(has.JobMemoryLimit));
        }
        const bool count = (basic.LimitFlags & JOB_OBJECT_LIMIT_ACTIVE_PROCESS) != 0;
        const DWORD has_count = has.BasicLimitInformation.ActiveProcessLimit;
        if (count && has_count != basic.ActiveProcessLimit) {
            throw not_taken("max_processes", std::to_string(limits.processes),
                            std::to_string(has_count));
        }
    }
    if (!request.cpu) return;
    const std::string percent = std::to_string(limits.cpu_percent) + " %";
    if (::SetInformationJobObject(get(), JobObjectCpuRateControlInformation, &*request.cpu,
                                  sizeof *request.cpu) == 0) {
        const DWORD code = ::GetLastError();
        throw win32_error("cannot limit max_cpu_percent to " + percent +
                              ": this system refuses; remove it from resource_limits",
                          code);
    }
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION has{};
    (void)query(get(), JobObjectCpuRateControlInformation, has);
    if (has.CpuRate != request.cpu->CpuRate)
        throw not_taken("max_cpu_percent", percent, "a rate of " + std::to_string(has.CpuRate));
}

void JobObject::end_with_last_handle(bool ends) {
    auto changed = wanted_;
    auto& flags = changed.BasicLimitInformation.LimitFlags;
    flags = ends ? flags | JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
                 : flags & ~DWORD{JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
    set_extended(changed);
}

bool JobObject::notify(HANDLE port, ULONG_PTR key) {
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association{};
    association.CompletionKey = reinterpret_cast<void*>(key);
    association.CompletionPort = port;
    return ::SetInformationJobObject(get(), JobObjectAssociateCompletionPortInformation,
                                     &association, sizeof association) != 0;
}

bool JobObject::terminate(UINT code) const {
    return ::TerminateJobObject(get(), code) != 0;
}

std::vector<DWORD> JobObject::pids() const {
    for (std::size_t room = 64; room <= pids_most; room *= 4) {
        std::vector<ULONG_PTR> words(room + 1);  // The list begins with two counts of 32 bits.
        auto* const list = reinterpret_cast<JOBOBJECT_BASIC_PROCESS_ID_LIST*>(words.data());
        const bool complete = ::QueryInformationJobObject(
                                  get(), JobObjectBasicProcessIdList, list,
                                  static_cast<DWORD>(words.size() * sizeof words[0]), nullptr) != 0;
        if (!complete && ::GetLastError() == ERROR_MORE_DATA) continue;
        if (!complete) throw win32_error("cannot list the processes of a job", ::GetLastError());
        std::vector<DWORD> pids;
        for (DWORD i = 0; i < list->NumberOfProcessIdsInList; ++i)
            pids.push_back(static_cast<DWORD>(list->ProcessIdList[i]));
        return pids;
    }
    throw sdk::Error{SYSP_E_UNSUPPORTED, "cannot list the processes of a job: it has more than " +
                                             std::to_string(pids_most)};
}

UniqueHandle JobObject::oldest() const {
    UniqueHandle oldest;
    for (const DWORD pid : handle_ ? pids() : std::vector<DWORD>{}) {
        UniqueHandle process = open_process(pid);
        if (process && is_console_host(process.get())) continue;
        if (process && (!oldest || creation_of(process.get()) < creation_of(oldest.get())))
            oldest = std::move(process);
    }
    return oldest;
}

Accounts JobObject::accounts() const {
    Accounts accounts;
    const std::vector<DWORD> members = pids();
    accounts.processes = members.size();
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    for (const DWORD pid : members) {
        add_memory_of(pid, accounts);
        add_times_of(pid, user, system);
    }
    JOBOBJECT_BASIC_AND_IO_ACCOUNTING_INFORMATION both{};
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION basic{};
    if (query(get(), JobObjectBasicAndIoAccountingInformation, both)) {
        basic = both.BasicInfo;
        accounts.read_bytes = both.IoInfo.ReadTransferCount;
        accounts.write_bytes = both.IoInfo.WriteTransferCount;
    } else {
        (void)query(get(), JobObjectBasicAccountingInformation, basic);
    }
    // Those of the job include what has ended, so they are the larger ones where the system counts.
    accounts.user_ns = std::max<std::uint64_t>(
        user, static_cast<std::uint64_t>(basic.TotalUserTime.QuadPart) * ns_per_tick);
    accounts.system_ns = std::max<std::uint64_t>(
        system, static_cast<std::uint64_t>(basic.TotalKernelTime.QuadPart) * ns_per_tick);
    accounts.peak_bytes = peak_bytes();
    return accounts;
}

std::optional<std::uint64_t> JobObject::peak_bytes() const noexcept {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION extended{};
    if (!query(get(), JobObjectExtendedLimitInformation, extended) ||
        extended.PeakJobMemoryUsed == 0)
        return std::nullopt;
    return extended.PeakJobMemoryUsed;
}

}  // namespace syspulse::plugins::job
