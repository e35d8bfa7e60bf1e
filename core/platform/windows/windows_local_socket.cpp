// The local endpoint is a named pipe whose access list admits us and the system. A path that does
// not begin with
// \\.\pipe\ has been made into one by SocketAddressPath.
#include <aclapi.h>

#include <algorithm>
#include <array>

#include "base/path_text.hpp"
#include "platform/data_dir.hpp"
#include "platform/local_socket.hpp"
#include "platform/windows/local_pipe.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"
#include "platform/windows/windows_text.hpp"

namespace syspulse::platform {
namespace {

constexpr DWORD endpoint_bytes = 64 * 1024;
constexpr std::size_t most_in_one_call = 64 * 1024;
// For how long a client waits while all instances of the pipe are taken, as the manager makes new
// ones at once, or while there is no pipe, but somebody has the data directory.
constexpr DWORD busy_ms = 10'000;
constexpr int name_tries = 200;
constexpr DWORD name_pause_ms = 10;

DWORD wait_ms(std::optional<Duration> limit) {
    if (!limit) return INFINITE;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*limit).count();
    return static_cast<DWORD>(std::clamp<std::int64_t>(ms, 0, 0x7FFFFFFF));
}

// One read or write that is waited for.
class Request {
  public:
    Request() : done_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) {
        request_.hEvent = done_.get();
    }
    OVERLAPPED* get() { return &request_; }

    Result<std::size_t> finish(HANDLE pipe, bool begun, DWORD limit_ms) {
        DWORD number = begun ? DWORD{ERROR_SUCCESS} : ::GetLastError();
        DWORD count = 0;
        if (number == ERROR_SUCCESS || number == ERROR_IO_PENDING) {
            if (::WaitForSingleObject(done_.get(), limit_ms) != WAIT_OBJECT_0) {
                ::CancelIoEx(pipe, &request_);
                ::GetOverlappedResult(pipe, &request_, &count, TRUE);
                return Error{ErrorCode::timed_out, "it did not answer in time"};
            }
            if (::GetOverlappedResult(pipe, &request_, &count, FALSE) != 0)
                return std::size_t{count};
            number = ::GetLastError();
        }
        return Error{ErrorCode::unavailable, os_message(number)};
    }

  private:
    UniqueHandle done_;
    OVERLAPPED request_{};
};

// Anybody may make a pipe of any name that is free: what answers has to belong to us or to the
// system.
Result<void> check_server(HANDLE pipe, const std::string& path) {
    PSID owner = nullptr;
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (::GetSecurityInfo(pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner, nullptr,
                          nullptr, nullptr, &descriptor) != ERROR_SUCCESS) {
        return os_error("cannot tell whose pipe " + path + " is");
    }
    const bool trusted = owner != nullptr && is_trusted(owner);
    const std::string name = Sid(owner).name();
    ::LocalFree(descriptor);
    if (trusted) return {};
    return Error{ErrorCode::permission_denied, "cannot connect to " + path +
                                                   ": the pipe belongs to " + name +
                                                   ", and so does what answers on it"};
}

// Then a keeper is about to start the next manager, or a manager has begun and does not serve yet.
bool is_locked(const std::string& directory) {
    const auto running = running_manager(DataPaths{path_from_utf8(directory)});
    return running && running->has_value();
}

}  // namespace

Result<UniqueHandle> make_pipe_instance(const std::string& path, bool first) {
    auto only_we = OwnerOnly::make(false);
    if (!only_we) return only_we.error();
    UniqueHandle pipe(::CreateNamedPipeW(
        to_wide(path).c_str(),
        PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED |
            (first ? DWORD{FILE_FLAG_FIRST_PIPE_INSTANCE} : 0),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, PIPE_UNLIMITED_INSTANCES,
        endpoint_bytes, endpoint_bytes, 0, only_we->attributes()));
    const DWORD number = ::GetLastError();
    if (pipe) return pipe;
    if (first && (number == ERROR_ACCESS_DENIED || number == ERROR_PIPE_BUSY)) {
        return Error{ErrorCode::already_exists,
                     "cannot open control endpoint " + path + ": another manager answers on it"};
    }
    return os_error("cannot open control endpoint " + path, number);
}

SocketHandle::~SocketHandle() {
    if (fd_ >= 0) ::CloseHandle(handle_of(fd_));
}

SocketFile SocketFile::at(const std::string& path) {
    return {path, 0, 0};
}

bool SocketFile::is_there() const {
    return true;
}

void SocketFile::remove() const {}

Result<Endpoint> bind_endpoint(const std::string& path) {
    // The name of a manager that died is free once its clients have noticed.
    auto pipe = make_pipe_instance(path, true);
    for (int tries = 0;
         !pipe && pipe.error().code == ErrorCode::already_exists && tries < name_tries; ++tries) {
        ::Sleep(name_pause_ms);
        pipe = make_pipe_instance(path, true);
    }
    if (!pipe) return pipe.error();
    return Endpoint{SocketHandle(static_cast<int>(native_of(pipe->release()))), {path, 0, 0}};
}

bool is_listened_at(const std::string&) {
    return true;
}

Result<LocalPeer> peer_of(int socket) {
    ULONG pid = 0;
    if (::GetNamedPipeClientProcessId(handle_of(socket), &pid) == 0)
        return os_error("cannot tell who the control client is");
    return LocalPeer{0, pid};
}

Result<SocketHandle> process_behind(int socket) {
    ULONG pid = 0;
    HANDLE process = nullptr;
    if (::GetNamedPipeServerProcessId(handle_of(socket), &pid) != 0)
        process = ::OpenProcess(SYNCHRONIZE, FALSE, pid);
    if (process == nullptr)
        return Error{ErrorCode::unsupported, "cannot watch the manager's process"};
    return SocketHandle(static_cast<int>(native_of(process)));
}

void wait_for_end(const SocketHandle& process) {
    ::WaitForSingleObject(handle_of(process.get()), INFINITE);
}

// The pipe's access list has let nobody else in.
bool is_own_user(const LocalPeer&) {
    return true;
}

void send_at_once(int socket, std::string_view text) {
    static_cast<void>(send_some(socket, text, Duration{0}).has_value());
}

bool has_vanished(int socket) {
    return ::PeekNamedPipe(handle_of(socket), nullptr, 0, nullptr, nullptr, nullptr) == 0;
}

Result<std::size_t> send_some(int socket, std::string_view text, std::optional<Duration> limit) {
    Request request;
    const auto size = static_cast<DWORD>(std::min(text.size(), most_in_one_call));
    const bool begun =
        ::WriteFile(handle_of(socket), text.data(), size, nullptr, request.get()) != 0;
    return request.finish(handle_of(socket), begun, wait_ms(limit));
}

// The end of what the other side sent is an error here.
Result<std::size_t> receive_some(int socket, std::span<char> into, std::optional<Duration> limit) {
    Request request;
    const auto size = static_cast<DWORD>(std::min(into.size(), most_in_one_call));
    const bool begun =
        ::ReadFile(handle_of(socket), into.data(), size, nullptr, request.get()) != 0;
    auto got = request.finish(handle_of(socket), begun, wait_ms(limit));
    if (!got && got.error().code == ErrorCode::unavailable) return std::size_t{0};
    return got;
}

Result<SocketHandle> connect_endpoint(const std::string& path, const std::string& directory) {
    const std::wstring wide = to_wide(path);
    const ULONGLONG patience_end = ::GetTickCount64() + busy_ms;
    for (;;) {
        // The manager may learn who we are, and may not act as us.
        UniqueHandle pipe(::CreateFileW(
            wide.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
        const DWORD number = ::GetLastError();
        if (pipe) {
            if (auto ours = check_server(pipe.get(), path); !ours) return ours.error();
            return SocketHandle(static_cast<int>(native_of(pipe.release())));
        }
        if (number == ERROR_PIPE_BUSY && ::GetTickCount64() < patience_end) {
            // Fails when its manager goes meanwhile, and the next one is looked for then.
            ::WaitNamedPipeW(wide.c_str(), busy_ms);
            continue;
        }
        if (number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND) {
            if (::GetTickCount64() < patience_end && is_locked(directory)) {
                ::Sleep(name_pause_ms);
                continue;
            }
            return Error{ErrorCode::unavailable, "no manager is running on " + directory +
                                                     "; start one with: syspulse daemon"};
        }
        Error error = os_error("cannot connect to " + path, number);
        if (error.code == ErrorCode::permission_denied)
            error.message += "; the manager belongs to another user";
        return error;
    }
}

}  // namespace syspulse::platform
