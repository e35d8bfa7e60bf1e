#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "keeper/board_link.hpp"
#include "keeper/windows_board.hpp"

namespace syspulse::keeper {
namespace {

// Where what is in a table of the page.
class HeldTable {
  public:
    // A first manager finds it empty, and need not touch all of its pages.
    HeldTable(std::span<HeldPair> places, bool empty) : places_(places) {
        if (empty) return;
        for (HeldPair& place : places_) {
            if (place.name.load() != 0) by_name_[place.name.load()] = &place;
        }
    }
    HeldPair* find(std::uint64_t name) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second;
    }
    // To be filled, and only then named; null when there is no place.
    HeldPair* add(std::uint64_t name) {
        for (std::size_t looked = 0; looked < places_.size(); ++looked) {
            HeldPair& place = places_[next_++ % places_.size()];
            if (place.name.load() != 0) continue;
            by_name_[name] = &place;
            return &place;
        }
        return nullptr;
    }
    void remove(std::uint64_t name) { by_name_.erase(name); }

  private:
    std::span<HeldPair> places_;
    std::unordered_map<std::uint64_t, HeldPair*> by_name_;
    std::size_t next_ = 0;  // Where the search for a free place begins.
};

class WindowsLink final : public BoardLink {
  public:
    WindowsLink(const Handover& handover, WindowsBoard& shared)
        : BoardLink(shared.board),
          handover_(handover),
          shared_(shared),
          runs_(shared.runs, !continues()),
          pipes_(shared.pipes, !continues()) {}
    WindowsLink(const WindowsLink&) = delete;
    WindowsLink& operator=(const WindowsLink&) = delete;
    ~WindowsLink() override {
        shared_.left.store(1);
        ::UnmapViewOfFile(&shared_);
        for (const std::int64_t handle : {handover_.keeper, handover_.board, handover_.news,
                                          handover_.terminate, handover_.interrupt})
            ::CloseHandle(handle_of(handle));
    }

    std::int64_t keeper_pid() const override { return handover_.pid; }
    int lock() const override { return static_cast<int>(handover_.lock); }
    int endpoint() const override { return -1; }
    std::vector<StopRequests> stop_requests() const override {
        return {{handover_.terminate, signal_number::terminate},
                {handover_.interrupt, signal_number::interrupt}};
    }

    std::int32_t* expect_process(RunId run) override {
        begin(run);
        return nullptr;
    }
    void note_run(RunId run, std::int64_t pid, std::int64_t group) override;
    void forget_run(RunId run) override;
    std::optional<ExitStatus> exit_of(RunId run, std::int64_t pid) const override;
    // One that was begun and is not noted may have had a process, which ended with its manager.
    bool may_have_run(RunId run) const override { return is_of_before(run) || was_begun(run); }

    bool hold_pipe(std::uint64_t name, const PipeEnds& ends) override;
    std::optional<PipeEnds> held_pipe(std::uint64_t name) override;
    void drop_pipe(std::uint64_t name) override;

    // A process object tells how it ended as soon as it has.
    void ask_for_ends() override {}
    bool has_told_ends() const override { return true; }

    void serving() override {
        note_serving(::GetCurrentProcessId());
        ::SetEvent(handle_of(handover_.news));
    }
    void stopping() override {
        BoardLink::stopping();
        ::SetEvent(handle_of(handover_.news));
    }
    // A signal comes from the keeper alone, which gives it to the next manager, too.
    void stop_next() override {}

  private:
    std::int64_t give(HANDLE handle) const;
    HANDLE borrow(std::int64_t held, DWORD how) const;
    void empty(HeldTable& table, std::uint64_t name);

    const Handover handover_;
    WindowsBoard& shared_;
    HeldTable runs_;
    bool complained_ = false;
    std::mutex pipe_mutex_;  // Pipes are also asked for by the threads that serve them.
    HeldTable pipes_;
};

// A copy for the keeper, by its value over there; zero if it could not be made.
std::int64_t WindowsLink::give(HANDLE handle) const {
    HANDLE copy = nullptr;
    if (::DuplicateHandle(::GetCurrentProcess(), handle, handle_of(handover_.keeper), &copy, 0,
                          FALSE, DUPLICATE_SAME_ACCESS) == 0) {
        return 0;
    }
    return value_of(copy);
}

// A copy of what the keeper holds, or null.
HANDLE WindowsLink::borrow(std::int64_t held, DWORD how) const {
    HANDLE copy = nullptr;
    ::DuplicateHandle(handle_of(handover_.keeper), handle_of(held), ::GetCurrentProcess(), &copy, 0,
                      FALSE, DUPLICATE_SAME_ACCESS | how);
    return copy;
}

// A manager that dies in here leaves the keeper with handles that nobody knows of any more.
void WindowsLink::empty(HeldTable& table, std::uint64_t name) {
    HeldPair* const place = table.find(name);
    if (place == nullptr) return;
    place->name.store(0);
    table.remove(name);
    for (const std::int64_t held : {place->first, place->second}) {
        const HANDLE copy = held == 0 ? nullptr : borrow(held, DUPLICATE_CLOSE_SOURCE);
        if (copy != nullptr) ::CloseHandle(copy);
    }
}

// The job of a manager that dies in here is found by its name.
void WindowsLink::note_run(RunId run, std::int64_t pid, std::int64_t group) {
    if (pid <= 0) return;
    HeldPair* place = runs_.find(run.value);
    if (place == nullptr) {
        place = runs_.add(run.value);
        if (place == nullptr) {
            if (std::exchange(complained_, true)) return;
            return log::warn(
                "the keeper can hold no more processes: how others end while a "
                "manager is replaced is not known");
        }
        const HANDLE process = ::OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE,
                                             static_cast<DWORD>(pid));
        place->first = process == nullptr ? 0 : give(process);
        place->second = 0;
        if (process != nullptr) ::CloseHandle(process);
    }
    if (group != -1 && place->second == 0) place->second = give(handle_of(group));
    place->name.store(run.value);
}

void WindowsLink::forget_run(RunId run) {
    empty(runs_, run.value);
}

std::optional<ExitStatus> WindowsLink::exit_of(RunId run, std::int64_t) const {
    const HeldPair* const place = runs_.find(run.value);
    const HANDLE process =
        place == nullptr || place->first == 0 ? nullptr : borrow(place->first, 0);
    if (process == nullptr) return std::nullopt;
    DWORD code = 0;
    const bool ended = ::WaitForSingleObject(process, 0) == WAIT_OBJECT_0 &&
                       ::GetExitCodeProcess(process, &code) != 0;
    ::CloseHandle(process);
    if (!ended) return std::nullopt;
    return ExitStatus::exited(static_cast<std::int32_t>(code));
}

bool WindowsLink::hold_pipe(std::uint64_t name, const PipeEnds& ends) {
    const std::lock_guard lock(pipe_mutex_);
    empty(pipes_, name);
    HeldPair* const place = pipes_.add(name);
    if (place == nullptr) return false;
    place->first = give(handle_of(ends.reader));
    place->second = give(handle_of(ends.writer));
    place->name.store(name);
    if (place->first != 0 && place->second != 0) return true;
    empty(pipes_, name);
    return false;
}

std::optional<Link::PipeEnds> WindowsLink::held_pipe(std::uint64_t name) {
    const std::lock_guard lock(pipe_mutex_);
    const HeldPair* const place = pipes_.find(name);
    if (place == nullptr) return std::nullopt;
    const HANDLE reader = borrow(place->first, 0);
    const HANDLE writer = borrow(place->second, 0);
    if (reader != nullptr && writer != nullptr) return PipeEnds{value_of(reader), value_of(writer)};
    for (const HANDLE end : {reader, writer}) {
        if (end != nullptr) ::CloseHandle(end);
    }
    return std::nullopt;
}

void WindowsLink::drop_pipe(std::uint64_t name) {
    const std::lock_guard lock(pipe_mutex_);
    empty(pipes_, name);
}

}  // namespace

bool Link::is_offered() {
    Handover handover;
    return read_handover(handover);
}

Result<std::unique_ptr<Link>> Link::inherit() {
    Handover handover;
    if (!read_handover(handover)) return std::unique_ptr<Link>();
    drop_handover();
    for (const std::int64_t handle : {handover.keeper, handover.lock, handover.board, handover.news,
                                      handover.terminate, handover.interrupt})
        ::SetHandleInformation(handle_of(handle), HANDLE_FLAG_INHERIT, 0);
    auto* const shared = static_cast<WindowsBoard*>(::MapViewOfFile(
        handle_of(handover.board), FILE_MAP_ALL_ACCESS, 0, 0, sizeof(WindowsBoard)));
    if (shared == nullptr) return Error{ErrorCode::internal, "cannot map the keeper's memory"};
    if (shared->board.magic == windows_board_magic)
        return std::unique_ptr<Link>(std::make_unique<WindowsLink>(handover, *shared));
    return Error{ErrorCode::unsupported, "cannot take over from the keeper (pid " +
                                             std::to_string(handover.pid) +
                                             "), which is of another version; end it, and start "
                                             "this program, which takes over the daemons"};
}

}  // namespace syspulse::keeper
