// Helpers are told the handle of their end of the channel, a two-way pipe, through their
// environment. A job that ends with its last handle, which only the manager has, keeps them from
// outliving it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "platform/helper_process.hpp"
#include "platform/this_process.hpp"
#include "platform/windows/channel_packets.hpp"
#include "platform/windows/own_process.hpp"
#include "platform/windows/windows_command_line.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

constexpr const wchar_t* channel_variable = L"SYSPULSE_CHANNEL";
constexpr DWORD channel_bytes = 64 * 1024;
// What a process that we ended reports; told as killed by signal 9.
constexpr UINT kill_code = 137;
constexpr std::int32_t kill_signal = 9;

// The job of all helpers of this process; it ends them when this process ends. What they start is
// not in it: daemons of an isolated driver outlive both.
HANDLE helpers_job() {
    static const HANDLE job = [] {
        auto made = make_own_job();
        return made ? made->release() : nullptr;
    }();
    return job;
}

struct Channel {
    UniqueHandle ours;    // Overlapped.
    UniqueHandle theirs;  // Overlapped too, and inherited.
};

Result<Channel> make_channel() {
    static LONG last_number = 0;
    const std::wstring name = LR"(\\.\pipe\syspulse-helper-)" +
                              std::to_wstring(::GetCurrentProcessId()) + L"-" +
                              std::to_wstring(::InterlockedIncrement(&last_number));
    auto only_we = OwnerOnly::make(false);
    if (!only_we) return only_we.error();
    Channel channel;
    channel.ours.reset(::CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, 1, channel_bytes,
        channel_bytes, 0, only_we->attributes()));
    if (!channel.ours) return os_error("cannot make a channel to a plugin host");
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    channel.theirs.reset(::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, &inherited,
                                       OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    if (!channel.theirs) return os_error("cannot make a channel to a plugin host");
    return channel;
}

std::wstring environment_with(HANDLE channel) {
    std::wstring block;
    wchar_t* const ours = ::GetEnvironmentStringsW();
    for (const wchar_t* entry = ours; *entry != L'\0';) {
        const std::wstring text = entry;
        entry += text.size() + 1;
        if (!text.starts_with(std::wstring(channel_variable) + L"=")) block += text + L'\0';
    }
    ::FreeEnvironmentStringsW(ours);
    // Not in its place of the order, which nobody needs of an environment that only we read.
    return block + channel_variable + L"=" + std::to_wstring(native_of(channel)) + L'\0' + L'\0';
}

DWORD milliseconds(Duration limit) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(ms, 0, 1'000'000));
}

// One read or write that is waited for. Nothing when it was not done in time.
class Transfer {
  public:
    Transfer() : done_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) {}

    OVERLAPPED* begin() {
        request_ = {};
        request_.hEvent = done_.get();
        return &request_;
    }
    // After ReadFile or WriteFile; zero bytes at the end or after an error.
    std::optional<DWORD> finish(HANDLE file, bool begun, DWORD limit_ms) {
        if (!begun && ::GetLastError() != ERROR_IO_PENDING) return 0;
        DWORD count = 0;
        if (::WaitForSingleObject(done_.get(), limit_ms) != WAIT_OBJECT_0) {
            ::CancelIoEx(file, &request_);
            ::GetOverlappedResult(file, &request_, &count, TRUE);
            return std::nullopt;
        }
        return ::GetOverlappedResult(file, &request_, &count, FALSE) == 0 ? 0 : count;
    }

  private:
    UniqueHandle done_;
    OVERLAPPED request_{};
};

}  // namespace

void close_handle(NativeHandle handle) noexcept {
    ::CloseHandle(handle_of(handle));
}

Result<OwnedHandle> duplicate_handle(NativeHandle handle) {
    HANDLE copy = nullptr;
    const HANDLE self = ::GetCurrentProcess();
    if (::DuplicateHandle(self, handle_of(handle), self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS) ==
        0) {
        return os_error("cannot duplicate a handle");
    }
    return OwnedHandle(native_of(copy));
}

Result<HelperProcess> start_helper(const std::filesystem::path& program,
                                   const std::vector<std::string>& arguments) {
    auto channel = make_channel();
    if (!channel) return channel.error();
    std::wstring line;
    for (const std::string& argument : arguments)
        line += (line.empty() ? L"" : L" ") + quoted_argument(to_wide(argument));
    const HANDLE errors = ::GetStdHandle(STD_ERROR_HANDLE);
    const HANDLE theirs = channel->theirs.get();
    auto made = start_own_process({program.empty() ? program_path() : program,
                                   std::move(line),
                                   {nullptr, errors, errors},
                                   {theirs},
                                   helpers_job(),
                                   environment_with(theirs)},
                                  "cannot start a plugin host");
    if (!made) return made.error();
    return HelperProcess{made->pid, OwnedHandle(native_of(made->process.release())),
                         OwnedHandle(native_of(channel->ours.release()))};
}

OwnedHandle helper_channel() {
    std::array<char, 32> text{};
    const DWORD size = ::GetEnvironmentVariableA("SYSPULSE_CHANNEL", text.data(), text.size());
    NativeHandle handle = no_handle;
    std::from_chars(text.data(), text.data() + size, handle);
    if (handle != no_handle) ::SetHandleInformation(handle_of(handle), HANDLE_FLAG_INHERIT, 0);
    ::SetEnvironmentVariableW(channel_variable, nullptr);
    return OwnedHandle(handle);
}

// By the job that it is in.
void end_with_parent() {}

Result<void> become(const std::string& user, const std::string& group) {
    if (user.empty() && group.empty()) return {};
    return Error{ErrorCode::unsupported,
                 "cannot become user \"" + user + "\" and group \"" + group +
                     "\": on Windows a plugin runs as the user of the manager; remove user and "
                     "group from its settings"};
}

// A limit of the memory that this process commits, through a job of its own inside of the helpers'.
// Children would be in it, too, and may leave it; descriptors are not limited on Windows.
OwnLimits::OwnLimits(std::optional<std::uint64_t> memory_bytes, std::optional<std::uint64_t>)
    : memory_(memory_bytes) {
    apply(false);
}

void OwnLimits::lift() {
    if (++depth_ == 1) apply(true);
}

void OwnLimits::restore() {
    if (depth_ > 0 && --depth_ == 0) apply(false);
}

void OwnLimits::apply(bool lifted) {
    if (!memory_) return;
    static const HANDLE job = [] {
        const HANDLE made = ::CreateJobObjectW(nullptr, nullptr);
        ::AssignProcessToJobObject(made, ::GetCurrentProcess());
        return made;
    }();
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    if (!lifted) {
        limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_PROCESS_MEMORY;
        limits.ProcessMemoryLimit = *memory_;
    }
    ::SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
}

Result<OwnedHandle> open_process(std::int64_t pid) {
    const HANDLE process =
        ::OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE, FALSE,
                      static_cast<DWORD>(pid));
    if (process == nullptr) return os_error("cannot get hold of process " + std::to_string(pid));
    return OwnedHandle(native_of(process));
}

std::optional<ExitStatus> collect_exit(NativeHandle process) {
    DWORD code = 0;
    if (::WaitForSingleObject(handle_of(process), 0) != WAIT_OBJECT_0 ||
        ::GetExitCodeProcess(handle_of(process), &code) == 0) {
        return std::nullopt;
    }
    if (code == kill_code) return ExitStatus::signalled(kill_signal);
    return ExitStatus::exited(static_cast<std::int32_t>(code));
}

bool signal_process(NativeHandle process, std::int32_t number) {
    return number == kill_signal && ::TerminateProcess(handle_of(process), kill_code) != 0;
}

bool wait_for_exit(NativeHandle process, Duration limit) {
    return ::WaitForSingleObject(handle_of(process), milliseconds(limit)) == WAIT_OBJECT_0;
}

Result<std::string> read_to_end(NativeHandle channel, std::size_t bytes_max, Duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::string text;
    PacketReader packets;
    std::array<char, 16384> buffer{};
    Transfer transfer;
    for (;;) {
        const bool begun =
            ::ReadFile(handle_of(channel), buffer.data(), static_cast<DWORD>(buffer.size()),
                       nullptr, transfer.begin()) != 0;
        const auto got = transfer.finish(handle_of(channel), begun,
                                         milliseconds(end - std::chrono::steady_clock::now()));
        if (!got) return Error{ErrorCode::timed_out, "no answer within " + format_duration(limit)};
        if (*got == 0) return text;
        packets.add({buffer.data(), *got});
        while (const auto packet = packets.next()) text += packet->bytes;
        if (packets.broken() || text.size() > bytes_max) {
            return Error{ErrorCode::invalid_argument,
                         "it sent more than " + std::to_string(bytes_max) + " bytes"};
        }
    }
}

Result<void> write_all(NativeHandle channel, std::string_view bytes, Duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    const std::string packet = packed(bytes, {});
    bytes = packet;
    Transfer transfer;
    while (!bytes.empty()) {
        const bool begun =
            ::WriteFile(handle_of(channel), bytes.data(),
                        static_cast<DWORD>(std::min<std::size_t>(bytes.size(), channel_bytes)),
                        nullptr, transfer.begin()) != 0;
        const auto sent = transfer.finish(handle_of(channel), begun,
                                          milliseconds(end - std::chrono::steady_clock::now()));
        if (!sent) return Error{ErrorCode::timed_out, "the manager takes nothing"};
        if (*sent == 0) return Error{ErrorCode::unavailable, "cannot write to the manager"};
        bytes.remove_prefix(*sent);
    }
    return {};
}

void end_process(int code) {
    ::TerminateProcess(::GetCurrentProcess(), static_cast<UINT>(code));
    std::abort();
}

}  // namespace syspulse::platform
