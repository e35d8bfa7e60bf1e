#include "keeper/windows_keeper.hpp"

#include <algorithm>
#include <atomic>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "base/exit_status.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "keeper/restarts.hpp"
#include "keeper/windows_board.hpp"

namespace syspulse::keeper {
namespace {

constexpr LONG signals_most = 1'000;
// From here on a code is one of Windows' own, which ends programs with them.
constexpr DWORD first_crash_code = 0xC000'0000;
constexpr DWORD abort_code = 3;  // Of the C library.

Error keeper_error(const std::string& what) {
    return {ErrorCode::internal, "cannot start the keeper: " + what + " (Windows error " +
                                     std::to_string(::GetLastError()) +
                                     "); run with --no-keeper to do without it"};
}

struct Close {
    using pointer = HANDLE;
    void operator()(HANDLE handle) const noexcept { ::CloseHandle(handle); }
};
using Handle = std::unique_ptr<void, Close>;

Handle inherited_semaphore(LONG count) {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    return Handle(
        ::CreateSemaphoreW(&inherited, std::min(count, signals_most), signals_most, nullptr));
}

class WindowsKeeper final : public Keeper {
  public:
    explicit WindowsKeeper(KeeperWork work) : work_(std::move(work)) {}
    WindowsKeeper(const WindowsKeeper&) = delete;
    WindowsKeeper& operator=(const WindowsKeeper&) = delete;
    ~WindowsKeeper() override {
        if (shared_ != nullptr) ::UnmapViewOfFile(shared_);
    }

    Result<void> prepare();
    int run() override;
    void pass_on(int signal) override {
        ++(signal == signal_number::interrupt ? interrupts_ : terminates_);
        ::SetEvent(asked_.get());
    }

  private:
    Board& board() { return shared_->board; }
    DWORD patience() const;
    void take_signals();
    void start_manager();
    void hear_manager();
    void due();
    void manager_ended();
    bool is_final(DWORD code);
    void hand_over();
    void upgrade_failed(UpgradeFailure how);
    void end_overdue();
    bool fall_back(const std::string& how);
    void start_again(const std::string& how, DWORD code);
    void finish(DWORD code);

    KeeperWork work_;
    WindowsBoard* shared_ = nullptr;
    Handle self_;  // Of this process, for managers.
    Handle section_;
    Handle news_;
    Handle asked_;  // Some signal has come.
    Handle terminate_;
    Handle interrupt_;
    Handle manager_;  // Null: there is none now.
    std::atomic<LONG> terminates_{0};
    std::atomic<LONG> interrupts_{0};
    LONG stops_ = 0;       // Signals so far; a manager that replaces a dead one gets them again.
    std::string program_;  // Of managers; empty: this process's own.
    // What managers ran before the present one, which is new and has not served yet.
    std::optional<std::string> old_program_;
    bool overdue_ = false;  // The present manager was ended by this keeper.
    Restarts restarts_;
    std::optional<ULONGLONG> due_at_;  // As GetTickCount64() counts.
    bool heard_serving_ = false;       // From this manager.
    bool heard_stopping_ = false;
    bool finished_ = false;
    int exit_code_ = 0;
};

Result<void> WindowsKeeper::prepare() {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    HANDLE self = nullptr;
    const HANDLE process = ::GetCurrentProcess();
    ::DuplicateHandle(process, process, process, &self,
                      PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, TRUE,
                      0);
    self_.reset(self);
    section_.reset(::CreateFileMappingW(INVALID_HANDLE_VALUE, &inherited, PAGE_READWRITE, 0,
                                        sizeof(WindowsBoard), nullptr));
    news_.reset(::CreateEventW(&inherited, FALSE, FALSE, nullptr));
    asked_.reset(::CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!self_ || !section_ || !news_ || !asked_) return keeper_error("it lacks a handle");
    shared_ = static_cast<WindowsBoard*>(
        ::MapViewOfFile(section_.get(), FILE_MAP_ALL_ACCESS, 0, 0, sizeof(WindowsBoard)));
    if (shared_ == nullptr) return keeper_error("it has no shared memory");
    board().magic = windows_board_magic;
    if (::SetHandleInformation(work_.lock, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) == 0)
        return keeper_error("it cannot pass on the lock");
    return {};
}

int WindowsKeeper::run() {
    start_manager();
    while (!finished_) {
        const HANDLE watched[] = {asked_.get(), news_.get(), manager_.get()};
        const DWORD count = manager_ ? 3 : 2;
        switch (::WaitForMultipleObjects(count, watched, FALSE, patience())) {
            case WAIT_OBJECT_0:
                take_signals();
                break;
            case WAIT_OBJECT_0 + 1:
                hear_manager();
                break;
            case WAIT_OBJECT_0 + 2:
                manager_ended();
                break;
            default:
                due();
        }
    }
    return exit_code_;
}

DWORD WindowsKeeper::patience() const {
    if (!due_at_) return INFINITE;
    const ULONGLONG now = ::GetTickCount64();
    return *due_at_ <= now ? 0 : static_cast<DWORD>(*due_at_ - now);
}

void WindowsKeeper::take_signals() {
    const LONG terminates = terminates_.exchange(0);
    const LONG interrupts = interrupts_.exchange(0);
    stops_ += terminates + interrupts;
    if (!manager_) return start_manager();  // Only a manager can stop daemons in their order.
    if (terminates > 0) ::ReleaseSemaphore(terminate_.get(), terminates, nullptr);
    if (interrupts > 0) ::ReleaseSemaphore(interrupt_.get(), interrupts, nullptr);
}

void WindowsKeeper::start_manager() {
    restarts_.started();
    overdue_ = false;
    due_at_.reset();
    heard_serving_ = false;
    shared_->left.store(0);
    const bool stop = stops_ == 0 && board().wish.load() == Wish::stop;
    terminate_ = inherited_semaphore(stop ? 1 : stops_);
    interrupt_ = inherited_semaphore(0);
    const std::vector<HANDLE> handles = {self_.get(), work_.lock,       section_.get(),
                                         news_.get(), terminate_.get(), interrupt_.get()};
    write_handover({::GetCurrentProcessId(), value_of(handles[0]), value_of(handles[1]),
                    value_of(handles[2]), value_of(handles[3]), value_of(handles[4]),
                    value_of(handles[5])});
    auto started = work_.start_manager(handles, program_);
    drop_handover();
    if (!started && fall_back(started.error().message)) return;
    if (!started) return start_again(started.error().message, EXIT_FAILURE);
    manager_.reset(*started);
    if (old_program_) due_at_ = ::GetTickCount64() + board().upgrade_limit();
}

void WindowsKeeper::hear_manager() {
    const DWORD manager = manager_ ? ::GetProcessId(manager_.get()) : 0;
    if (!heard_serving_ && manager != 0 && board().ready_pid.load() == manager) {
        heard_serving_ = true;
        restarts_.served();
        old_program_.reset();
        due_at_ = ::GetTickCount64() + Restarts::settled_ms;
        work_.serving();
    }
    if (!heard_stopping_ && board().wish.load() == Wish::stop) {
        heard_stopping_ = true;
        work_.stopping();
    }
}

void WindowsKeeper::due() {
    due_at_.reset();
    if (!manager_) return start_manager();
    if (!old_program_) return restarts_.settled();
    hear_manager();  // What it said may be on its way.
    if (old_program_) end_overdue();
}

void WindowsKeeper::manager_ended() {
    hear_manager();
    DWORD code = EXIT_FAILURE;
    ::GetExitCodeProcess(manager_.get(), &code);
    manager_.reset();
    const std::string how = describe(ExitStatus::exited(static_cast<std::int32_t>(code)));
    const bool final = is_final(code);
    // As it was asked to, which a new program may do before it serves.
    const bool stopped_all = final && code == 0 && board().wish.load() == Wish::stop;
    const std::string why = overdue_
                                ? "it did not serve within " +
                                      std::to_string(board().upgrade_limit()) + " ms and was ended"
                                : "it ended with " + how + " before it could serve";
    if (!stopped_all && fall_back(why)) return;
    if (final && code == 0 && board().wish.load() == Wish::hand_over) return hand_over();
    if (final) return finish(code);
    start_again("the manager ended with " + how, code);
}

// A first manager that cannot start says why, and a person reads it. Once daemons run, an error is
// no reason to leave them alone.
bool WindowsKeeper::is_final(DWORD code) {
    const bool left = shared_->left.load() != 0;
    if (code == 0) return left;
    const bool crashed = code >= first_crash_code || code == abort_code;
    return board().served.load() == 0 && !crashed;
}

// The keeper itself stays the program that it is: there is no exec.
void WindowsKeeper::hand_over() {
    Board& page = board();
    page.wish.store(Wish::none);
    page.ready_pid.store(0);
    page.program[program_bytes - 1] = '\0';
    if (page.program[0] != '\0') old_program_ = std::exchange(program_, page.program);
    start_manager();
}

void WindowsKeeper::upgrade_failed(UpgradeFailure how) {
    board().upgrade_failure.store(how);
    ++board().failed_upgrades;
}

// Its end is seen as any other one. One that stops all daemons is at work.
void WindowsKeeper::end_overdue() {
    if (board().wish.load() == Wish::stop) return;
    overdue_ = true;
    ::TerminateProcess(manager_.get(), EXIT_FAILURE);
}

// A new program that cannot serve is given up for the one that could.
bool WindowsKeeper::fall_back(const std::string& how) {
    if (!old_program_) return false;
    upgrade_failed(overdue_ ? UpgradeFailure::overdue : UpgradeFailure::ended);
    due_at_.reset();
    log::error("cannot upgrade to " + program_ + ": " + how + "; the old program goes on");
    program_ = *std::exchange(old_program_, std::nullopt);
    start_manager();
    return true;
}

void WindowsKeeper::start_again(const std::string& how, DWORD code) {
    ++board().restarts;
    if (board().wish.load() == Wish::hand_over) {
        board().wish.store(Wish::none);
        upgrade_failed(UpgradeFailure::ended);
    }
    const bool served = board().ready_pid.exchange(0) != 0;
    const Restarts::Next next = restarts_.ended(served, board().served.load() > 0);
    if (next.give_up) {
        log::error(how + ", " + std::to_string(restarts_.unready_deaths()) +
                   " times in a row before it could serve; giving up. Daemons keep running; the "
                   "next syspulse daemon takes them over");
        return finish(code);
    }
    log::warn(how + "; starting it again");
    due_at_ = ::GetTickCount64() + static_cast<ULONGLONG>(next.after_ms);
}

void WindowsKeeper::finish(DWORD code) {
    finished_ = true;
    exit_code_ = static_cast<int>(code);
}

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::make(KeeperWork work) {
    auto made = std::make_unique<WindowsKeeper>(std::move(work));
    if (auto prepared = made->prepare(); !prepared) return prepared.error();
    return std::unique_ptr<Keeper>(std::move(made));
}

}  // namespace syspulse::keeper
