// platform::OutputPipes on named pipes. A pipe that has a name in the file system is a file here
// that marks it, and a pair of handles that this process keeps: the reading end, and a writing end
// of which every child gets a duplicate, so that the pipe stays connected from one run to the next.
// A holder keeps duplicates of both, so that daemons go on writing and the next process goes on
// reading; without one the pipes end with this process, and what daemons write later fails. Which
// bytes are there is told by reads of zero bytes. They end with an event and not at a completion
// port, because a reading end could be bound to one port only, that of the first process.
#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "base/log.hpp"
#include "platform/output_pipes.hpp"
#include "platform/windows/windows_error.hpp"
#include "platform/windows/windows_security.hpp"

namespace syspulse::platform {
namespace {

namespace fs = std::filesystem;

constexpr DWORD output_pipe_bytes = 256 * 1024;
constexpr ULONG events_per_wait = 64;
constexpr ULONG_PTR wake_key = ~ULONG_PTR{0};

// PUBLIC_OBJECT_BASIC_INFORMATION.
struct ObjectFacts {
    ULONG attributes = 0;
    ACCESS_MASK granted = 0;
    ULONG handles = 0;
    ULONG pointers = 0;
    ULONG reserved[10] = {};
};

// How many handles there are to the opened thing, in all processes; zero if the system does not
// tell.
ULONG handles_to(HANDLE handle) {
    using Query = LONG(WINAPI*)(HANDLE, int, void*, ULONG, ULONG*);
    static const auto query = reinterpret_cast<Query>(reinterpret_cast<void*>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQueryObject")));
    constexpr int basic_information = 0;
    ObjectFacts facts;
    if (query == nullptr || query(handle, basic_information, &facts, sizeof facts, nullptr) < 0)
        return 0;
    return facts.handles;
}

Result<UniqueHandle> duplicate(HANDLE handle) {
    HANDLE copy = nullptr;
    const HANDLE self = ::GetCurrentProcess();
    if (::DuplicateHandle(self, handle, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS) == 0)
        return os_error("cannot duplicate a handle of a pipe");
    return UniqueHandle(copy);
}

// Both ends of one pipe, and what waits for bytes in it.
struct Pipe {
    UniqueHandle reader;
    UniqueHandle writer;
    FileId id;
    bool held = false;
};

Result<Pipe> make_pipe(std::uint64_t number) {
    const std::wstring name = LR"(\\.\pipe\syspulse-output-)" +
                              std::to_wstring(::GetCurrentProcessId()) + L"-" +
                              std::to_wstring(number);
    auto only_we = OwnerOnly::make(false);
    if (!only_we) return only_we.error();
    Pipe pipe;
    pipe.id = {::GetCurrentProcessId(), number};
    pipe.reader.reset(::CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_REJECT_REMOTE_CLIENTS, 1, 0, output_pipe_bytes,
        0, only_we->attributes()));
    if (!pipe.reader) return os_error("cannot create a pipe for the output of a daemon");
    // FILE_READ_ATTRIBUTES lets children ask what kind of handle it is, as many C libraries do.
    pipe.writer.reset(::CreateFileW(name.c_str(), GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, nullptr,
                                    OPEN_EXISTING, 0, nullptr));
    if (!pipe.writer) return os_error("cannot open a pipe for the output of a daemon");
    return pipe;
}

class WindowsOutputPipes final : public OutputPipes {
  public:
    explicit WindowsOutputPipes(PipeHolder* holder) : holder_(holder) {}

    Result<void> prepare() {
        port_.reset(::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
        if (!port_) return os_error("cannot prepare log capture");
        return {};
    }

    Result<void> create(const fs::path& path) override;
    void remove(const fs::path& path) override;
    Result<NativeHandle> open_reader(const fs::path& path) override {
        return open_end(path, &Pipe::reader);
    }
    Result<NativeHandle> open_writer(const fs::path& path) override {
        return open_end(path, &Pipe::writer);
    }
    void give(NativeHandle, std::uint32_t) override {}  // Daemons run as the manager's user.
    FileId id_of(NativeHandle pipe) const override {
        const std::lock_guard lock(mutex_);
        const auto found = ids_.find(pipe);
        return found == ids_.end() ? FileId{} : found->second;
    }
    void close(NativeHandle pipe) noexcept override;

    void wake() noexcept override {
        ::PostQueuedCompletionStatus(port_.get(), 0, wake_key, nullptr);
    }
    Result<void> hand_over(NativeHandle pipe) override {
        const std::lock_guard lock(mutex_);
        handed_over_.push_back(pipe);
        return {};
    }
    std::size_t capacity() const override { return std::size_t{1} << 20U; }
    void begin_serving() override {}
    NativeHandle receive() override {
        const std::lock_guard lock(mutex_);
        if (handed_over_.empty()) return no_handle;
        const NativeHandle pipe = handed_over_.front();
        handed_over_.pop_front();
        return pipe;
    }

    Result<void> add(NativeHandle pipe, std::uint64_t token) override;
    void wait(std::vector<PipeEvent>& events, bool block) override;
    void pause(Duration length) override {
        ::Sleep(static_cast<DWORD>(std::chrono::ceil<std::chrono::milliseconds>(length).count()));
    }

    std::size_t available(NativeHandle pipe) const override {
        DWORD count = 0;
        if (::PeekNamedPipe(handle_of(pipe), nullptr, 0, nullptr, &count, nullptr) == 0) return 0;
        return count;
    }
    bool has_writers(NativeHandle pipe) const override;
    void enlarge(NativeHandle) override {}  // They have their size from the beginning.
    Result<std::size_t> peek(NativeHandle pipe, std::span<char> into) override;
    Result<std::size_t> move_to(NativeHandle pipe, OutputFile& file, std::uint64_t offset,
                                std::size_t size) override;
    std::size_t discard(NativeHandle pipe, std::size_t size) override;

  private:
    // A read of zero bytes that ends when there are some. Shared by the system until it has ended,
    // so it lives until its completion was taken from the port.
    struct Look {
        Look() = default;
        Look(const Look&) = delete;
        Look& operator=(const Look&) = delete;
        ~Look() {
            if (wait != nullptr) ::UnregisterWaitEx(wait, INVALID_HANDLE_VALUE);
        }
        OVERLAPPED request{};
        UniqueHandle done;
        HANDLE wait = nullptr;  // Of the system's thread pool, for `done`.
        HANDLE port = nullptr;  // Borrowed.
        NativeHandle pipe = no_handle;
        std::uint64_t token = 0;
    };
    static void CALLBACK look_ended(void* look, BOOLEAN) {
        auto* const ended = static_cast<Look*>(look);
        ::PostQueuedCompletionStatus(ended->port, 0, 0, &ended->request);
    }

    Result<NativeHandle> open_end(const fs::path& path, UniqueHandle Pipe::*end);
    void forget(const fs::path& path);
    Result<Pipe> found_or_made(const fs::path& path);
    void look_again(std::vector<PipeEvent>& events);
    bool look(Look& look);
    void take(const OVERLAPPED_ENTRY& entry, std::vector<PipeEvent>& events);
    std::size_t read(NativeHandle pipe, std::span<char> into);

    PipeHolder* holder_;
    UniqueHandle port_;
    mutable std::mutex mutex_;  // Guards what follows.
    std::map<fs::path, Pipe> pipes_;
    std::unordered_map<NativeHandle, FileId> ids_;  // Of handles that are given out.
    std::deque<NativeHandle> handed_over_;
    // Where a process that had our number before us has left pipes, theirs are below.
    std::uint64_t last_number_ = ::GetTickCount64();

    // [serving thread], but for close().
    std::unordered_map<NativeHandle, std::unique_ptr<Look>> looks_;
    std::vector<std::unique_ptr<Look>> ended_;  // Of pipes that are closed.
    std::vector<Look*> told_;                   // To be asked again at the next wait().
    std::vector<char> buffer_ = std::vector<char>(output_pipe_bytes);
};

void WindowsOutputPipes::forget(const fs::path& path) {
    const auto found = pipes_.find(path);
    if (found == pipes_.end()) return;
    if (found->second.held) holder_->drop(path);
    pipes_.erase(found);
}

void WindowsOutputPipes::remove(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    std::error_code ignored;
    fs::remove(path, ignored);
    forget(path);
}

Result<void> WindowsOutputPipes::create(const fs::path& path) {
    const std::lock_guard lock(mutex_);
    std::error_code ignored;
    if (!fs::exists(path, ignored)) forget(path);  // Somebody has removed the file that marks it.
    if (pipes_.contains(path)) return {};
    if (!std::ofstream(path, std::ios::app))
        return Error{ErrorCode::unavailable, "cannot create " + path.string()};
    auto pipe = found_or_made(path);
    if (!pipe) return pipe.error();
    pipes_.emplace(path, *std::move(pipe));
    return {};
}

// That of an earlier process holds what nobody has read yet, and its daemon writes to it.
Result<Pipe> WindowsOutputPipes::found_or_made(const fs::path& path) {
    const std::uint64_t number = ++last_number_;
    if (auto held = holder_ == nullptr ? std::nullopt : holder_->find(path)) {
        Pipe pipe;
        pipe.id = {::GetCurrentProcessId(), number};
        pipe.reader.reset(handle_of(held->reader.release()));
        pipe.writer.reset(handle_of(held->writer.release()));
        pipe.held = true;
        return pipe;
    }
    auto pipe = make_pipe(number);
    if (pipe && holder_ != nullptr) {
        pipe->held =
            holder_->hold(path, native_of(pipe->reader.get()), native_of(pipe->writer.get()));
    }
    return pipe;
}

Result<NativeHandle> WindowsOutputPipes::open_end(const fs::path& path, UniqueHandle Pipe::*end) {
    const std::lock_guard lock(mutex_);
    std::error_code ignored;
    const auto found = pipes_.find(path);
    if (found == pipes_.end() || !fs::exists(path, ignored))
        return Error{ErrorCode::not_found, "there is no pipe " + path.string()};
    auto copy = duplicate((found->second.*end).get());
    if (!copy) return copy.error();
    const NativeHandle handle = native_of(copy->release());
    ids_[handle] = found->second.id;
    return handle;
}

void WindowsOutputPipes::close(NativeHandle pipe) noexcept {
    if (pipe == no_handle) return;
    const std::lock_guard lock(mutex_);
    ids_.erase(pipe);
    if (const auto found = looks_.find(pipe); found != looks_.end()) {
        // What is not told yet is in the port's queue, or comes there.
        const bool taken = std::erase(told_, found->second.get()) > 0;
        ::CancelIoEx(handle_of(pipe), &found->second->request);
        if (!taken) ended_.push_back(std::move(found->second));
        looks_.erase(found);
    }
    ::CloseHandle(handle_of(pipe));
}

Result<void> WindowsOutputPipes::add(NativeHandle pipe, std::uint64_t token) {
    auto made = std::make_unique<Look>();
    made->pipe = pipe;
    made->token = token;
    made->port = port_.get();
    made->done.reset(::CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!made->done || ::RegisterWaitForSingleObject(&made->wait, made->done.get(), look_ended,
                                                     made.get(), INFINITE, WT_EXECUTEDEFAULT) == 0)
        return os_error("cannot watch the output of a daemon");
    const std::lock_guard lock(mutex_);
    if (!look(*made)) return os_error("cannot watch the output of a daemon");
    looks_[pipe] = std::move(made);
    return {};
}

// Also when it ends at once, the event is set.
bool WindowsOutputPipes::look(Look& look) {
    look.request = {};
    look.request.hEvent = look.done.get();
    return ::ReadFile(handle_of(look.pipe), buffer_.data(), 0, nullptr, &look.request) != 0 ||
           ::GetLastError() == ERROR_IO_PENDING;
}

// One that cannot be asked any more has no writer left, nor a way to one.
void WindowsOutputPipes::look_again(std::vector<PipeEvent>& events) {
    const std::lock_guard lock(mutex_);
    for (Look* const told : told_) {
        if (look(*told)) continue;
        if (const DWORD code = ::GetLastError(); code != ERROR_BROKEN_PIPE)
            log::error(os_error("cannot watch the output of a daemon any more", code).message);
        events.push_back({told->token, true});
        looks_.erase(told->pipe);
    }
    told_.clear();
}

void WindowsOutputPipes::wait(std::vector<PipeEvent>& events, bool block) {
    events.clear();
    look_again(events);
    std::array<OVERLAPPED_ENTRY, events_per_wait> entries{};
    ULONG count = 0;
    if (::GetQueuedCompletionStatusEx(port_.get(), entries.data(), events_per_wait, &count,
                                      block && events.empty() ? INFINITE : 0, FALSE) == 0) {
        return;
    }
    for (ULONG i = 0; i < count; ++i) take(entries[i], events);
}

void WindowsOutputPipes::take(const OVERLAPPED_ENTRY& entry, std::vector<PipeEvent>& events) {
    if (entry.lpCompletionKey == wake_key || entry.lpOverlapped == nullptr) return;
    const std::lock_guard lock(mutex_);
    auto* const look = CONTAINING_RECORD(entry.lpOverlapped, Look, request);
    const auto ended = std::ranges::find(ended_, look, &std::unique_ptr<Look>::get);
    if (ended != ended_.end()) {
        ended_.erase(ended);
        return;
    }
    const bool known =
        std::ranges::any_of(looks_, [look](const auto& item) { return item.second.get() == look; });
    if (!known) return;
    events.push_back({look->token, false});
    told_.push_back(look);
}

// This process has the one that is the pipe's own, and that of the capture while a run begins; the
// holder has one.
bool WindowsOutputPipes::has_writers(NativeHandle pipe) const {
    const std::lock_guard lock(mutex_);
    const auto id = ids_.find(pipe);
    if (id == ids_.end()) return false;
    for (const auto& [path, known] : pipes_) {
        if (known.id == id->second) return handles_to(known.writer.get()) > (known.held ? 2U : 1U);
    }
    return false;
}

Result<std::size_t> WindowsOutputPipes::peek(NativeHandle pipe, std::span<char> into) {
    DWORD got = 0;
    const auto size = static_cast<DWORD>(std::min<std::size_t>(into.size(), output_pipe_bytes));
    if (::PeekNamedPipe(handle_of(pipe), into.data(), size, &got, nullptr, nullptr) == 0)
        return os_error("cannot read the output of a daemon");
    return std::size_t{got};
}

Result<std::size_t> WindowsOutputPipes::move_to(NativeHandle pipe, OutputFile& file,
                                                std::uint64_t offset, std::size_t size) {
    const auto part = std::span(buffer_).first(std::min(size, buffer_.size()));
    const auto count = peek(pipe, part);
    if (!count || *count == 0) return count;
    if (auto written = file.write_at(offset, part.first(*count)); !written) return written.error();
    return discard(pipe, *count);
}

std::size_t WindowsOutputPipes::discard(NativeHandle pipe, std::size_t size) {
    std::vector<char> gone(std::min<std::size_t>(size, output_pipe_bytes));
    std::size_t done = 0;
    while (done < size) {
        const std::size_t part = std::min({size - done, gone.size(), available(pipe)});
        if (part == 0) break;
        const std::size_t got = read(pipe, std::span(gone).first(part));
        if (got == 0) break;
        done += got;
    }
    return done;
}

// Of bytes that are there.
std::size_t WindowsOutputPipes::read(NativeHandle pipe, std::span<char> into) {
    const UniqueHandle done(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
    OVERLAPPED request{};
    request.hEvent = done.get();
    DWORD got = 0;
    if (::ReadFile(handle_of(pipe), into.data(), static_cast<DWORD>(into.size()), nullptr,
                   &request) == 0 &&
        ::GetLastError() != ERROR_IO_PENDING) {
        return 0;
    }
    return ::GetOverlappedResult(handle_of(pipe), &request, &got, TRUE) == 0 ? 0 : got;
}

}  // namespace

Result<std::unique_ptr<OutputPipes>> make_output_pipes(NativeHandle, PipeHolder* holder) {
    auto pipes = std::make_unique<WindowsOutputPipes>(holder);
    if (auto prepared = pipes->prepare(); !prepared) return prepared.error();
    return std::unique_ptr<OutputPipes>(std::move(pipes));
}

}  // namespace syspulse::platform
