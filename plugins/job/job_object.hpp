// A Windows job object: processes that belong together, with limits and accounts of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "windows/win32.hpp"

namespace syspulse::plugins::job {

// What Windows is asked for; separate from asking, so that it can be looked at where the system
// ignores it.
struct LimitRequest {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION extended{};
    std::optional<JOBOBJECT_CPU_RATE_CONTROL_INFORMATION> cpu;
};
// Whether a job with these limits tells its port when one is reached; that of the CPU is not told.
bool are_told(const JOBOBJECT_EXTENDED_LIMIT_INFORMATION& limits) noexcept;
LimitRequest limit_request(const sysp_limits& limits, std::uint32_t processors);

struct Accounts {
    std::optional<std::uint64_t> user_ns, system_ns;
    std::optional<std::uint64_t> read_bytes, write_bytes;
    std::optional<std::uint64_t> peak_bytes;
    std::uint64_t rss_bytes = 0;
    std::uint64_t processes = 0;
};

// Of a process; zero if the system does not tell. A FILETIME.
std::uint64_t creation_of(HANDLE process);
// To wait for it, ask about it, end it and put it into a job; empty if that is refused.
windows::UniqueHandle open_process(DWORD pid);

class JobObject {
  public:
    JobObject() noexcept = default;  // None.
    // With this name, which nobody may have yet; throws sdk::Error.
    static JobObject create(const std::wstring& name);
    // Empty if there is none.
    static JobObject open(const std::wstring& name);

    explicit operator bool() const noexcept { return static_cast<bool>(handle_); }
    HANDLE get() const noexcept { return handle_.get(); }

    // Sets the limits, asks for them again, and throws sdk::Error for one that the system did not
    // take.
    void limit(const sysp_limits& limits);
    // Whether its processes end when the last handle to it is closed.
    void end_with_last_handle(bool ends);
    // Messages about it come to the port with this key. False if that was refused, as it is for a
    // job that had a port before.
    bool notify(HANDLE port, ULONG_PTR key);
    // Whether it has limits of which messages tell that they were reached.
    bool has_limits_to_tell() const noexcept { return are_told(wanted_); }
    // False if that was refused.
    bool terminate(UINT code) const;

    std::vector<DWORD> pids() const;  // Throws sdk::Error.
    // Of those that live in it, the one that was made first; empty for no job or one without any.
    // The host of a console does not count, which outlives the last program in that for a moment.
    // Throws sdk::Error if they cannot be listed.
    windows::UniqueHandle oldest() const;
    Accounts accounts() const;  // Throws sdk::Error.
    // The most memory that it had; nothing if the system does not tell.
    std::optional<std::uint64_t> peak_bytes() const noexcept;

  private:
    explicit JobObject(HANDLE handle) : handle_(handle) {}

    void set_extended(const JOBOBJECT_EXTENDED_LIMIT_INFORMATION& wanted);

    windows::UniqueHandle handle_;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION wanted_{};
};

}  // namespace syspulse::plugins::job
