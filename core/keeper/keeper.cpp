#include "keeper/keeper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>

#include "keeper/adoption.hpp"
#include "keeper/board.hpp"
#include "keeper/fault.hpp"
#include "keeper/handover.hpp"
#include "keeper/memory.hpp"
#include "keeper/report.hpp"
#include "keeper/restarts.hpp"
#include "keeper/timer.hpp"

extern char** environ;

namespace syspulse::keeper {
namespace {

constexpr int cannot_execute = 127;
// After a manager's death its children are looked at again with this pause, or after a signal,
// while some are inside fork or exec, but no more often than this.
constexpr timespec look_pause = {0, 1'000'000};
constexpr int looks_max = 500;

constexpr int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};

sigset_t set_of(const int* begin, const int* end) {
    sigset_t set;
    ::sigemptyset(&set);
    for (; begin != end; ++begin) ::sigaddset(&set, *begin);
    return set;
}

class Keeper {
  public:
    Keeper(const Handover& handover, Board& board, char** argv)
        : handover_(handover),
          board_(board),
          argv_(argv),
          manager_(board.manager_pid),
          stops_(board.stops) {}

    int run();

  private:
    int wait(const sigset_t& set) const;
    void handle(int number);
    void start_manager();
    [[noreturn]] void become_manager();
    void pass_on(int number);
    void collect();
    void record(const siginfo_t& end);
    void look_at_orphans();
    void look_again();
    void manager_ended(const siginfo_t& end);
    bool is_final(const siginfo_t& end) const;
    void manager_lives();
    bool has_stopped_all(const siginfo_t& end) const;
    void manager_crashed(const siginfo_t& end);
    void hand_over();
    void upgrade_failed(UpgradeFailure how);
    void time_is_up();
    void end_overdue();
    bool fall_back(const siginfo_t& end);
    void manager_ready();
    void renew();
    void finish(int code);

    const Handover handover_;
    Board& board_;
    char** argv_;
    int program_ = -1;       // What managers are started from; it stays the same file.
    int old_program_ = -1;   // While a new program has not shown that it works.
    bool overdue_ = false;   // The present manager was ended by this keeper.
    std::int32_t& manager_;  // Zero: there is none now.
    std::int32_t&
        stops_;  // Stop signals so far; a manager that replaces a dead one gets them again.
    int looks_left_ = 0;  // Zero: it is known whose child each orphan is, as far as it can be.
    Restarts restarts_;
    bool finished_ = false;
    int exit_code_ = 0;
};

int Keeper::run() {
    ::prctl(PR_SET_NAME, "syspulse-keeper");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const sigset_t set = set_of(std::begin(signals), std::end(signals));
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    program_ =
        handover_.program >= 0 ? handover_.program : ::open("/proc/self/exe", O_PATH | O_CLOEXEC);
    // The keeper that this one replaced may have been looking.
    if (manager_ != 0) looks_left_ = looks_max;
    if (manager_ == 0) start_manager();
    collect();
    while (!finished_) {
        const int number = wait(set);
        // Read before processes are collected: the answer is about ends before the question.
        const std::uint32_t asked = board_.asked.load();
        handle(number);
        look_again();
        if (looks_left_ == 0) board_.answered.store(asked);
    }
    return exit_code_;
}

int Keeper::wait(const sigset_t& set) const {
    if (looks_left_ == 0) return ::sigwaitinfo(&set, nullptr);
    return ::sigtimedwait(&set, nullptr, &look_pause);
}

void Keeper::handle(int number) {
    if (number == SIGCHLD) {
        collect();
    } else if (number == SIGUSR1) {
        manager_ready();
    } else if (number == SIGALRM) {
        time_is_up();
    } else if (number > 0) {
        pass_on(number);
    }
}

// A signal that was on its way when the timer was set anew, or that somebody else sent, tells
// nothing.
void Keeper::time_is_up() {
    if (timer_is_set()) return;
    if (manager_ == 0) return start_manager();
    if (old_program_ < 0) return manager_lives();
    manager_ready();  // Its signal may be on its way.
    if (old_program_ >= 0) end_overdue();
}

void Keeper::start_manager() {
    restarts_.started();
    overdue_ = false;
    start_timer(0);  // What it was to say of the last one it must not say of this one.
    const pid_t pid = ::fork();
    if (pid == 0) become_manager();
    if (pid < 0) {
        Report() << "cannot start the manager: " << std::strerror(errno) << "; trying again";
        start_timer(Restarts::first_delay_ms);
        return;
    }
    manager_ = pid;
    // The signals stay pending until it looks at them.
    for (int i = 0; i < stops_; ++i) ::kill(manager_, SIGTERM);
    if (stops_ == 0 && board_.wish.load() == Wish::stop) ::kill(manager_, SIGTERM);
    if (old_program_ >= 0) start_timer(static_cast<long>(board_.upgrade_limit()));
}

// A manager must not outlive its keeper: nobody would know that it is there. Its own process group
// keeps a Ctrl-C at the terminal from reaching it beside the keeper, which passes it on. Signals
// stay blocked over exec, so that none is lost before the manager can read it.
void Keeper::become_manager() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != handover_.pid) ::_exit(cannot_execute);
    ::setpgid(0, 0);
    write_pid(handover_.lock);
    for (const int descriptor : {handover_.lock, handover_.endpoint, handover_.board})
        keep_over_exec(descriptor, true);
    constexpr int kept[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};
    const sigset_t set = set_of(std::begin(kept), std::end(kept));
    ::sigprocmask(SIG_SETMASK, &set, nullptr);
    ::execveat(program_, "", argv_, environ, AT_EMPTY_PATH);
    Report() << "cannot execute the manager: " << std::strerror(errno);
    ::_exit(cannot_execute);
}

void Keeper::pass_on(int number) {
    if (number == SIGTERM || number == SIGINT) ++stops_;
    if (manager_ != 0) {
        ::kill(manager_, number);
    } else if (stops_ > 0) {
        start_manager();  // Only a manager can stop daemons in their order.
    }
}

// A process is looked at before it is reaped: once its number is free, the record must be there.
void Keeper::collect() {
    for (;;) {
        siginfo_t end{};
        const int found = ::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT);
        if (found != 0 || end.si_pid == 0) return;
        const pid_t pid = end.si_pid;
        if (pid != manager_) record(end);
        siginfo_t ignored{};
        ::waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED | WNOHANG);
        if (pid == manager_) manager_ended(end);
    }
}

void Keeper::record(const siginfo_t& end) {
    const std::uint64_t number = board_.exit_count.load(std::memory_order_relaxed);
    // An orphan may be seen to end before its manager is.
    if (note_of(board_, end.si_pid) == nullptr) note_births(board_);
    RunNote* const note = note_of(board_, end.si_pid);
    if (note == nullptr && ::getsid(end.si_pid) == end.si_pid)
        board_.strays_until.store(board_.runs_begun.load());
    board_.exits[number % kept_exits] = {end.si_pid, end.si_status,
                                         end.si_code == CLD_EXITED ? 0 : 1, 0};
    board_.exit_count.store(number + 1, std::memory_order_release);
    if (note != nullptr && note->run == 0) *note = {};
}

// Who is a child of the dead manager's is found out while the next manager starts. A process that
// ended before it was noted would leave an exit of which nobody knows whose it is.
void Keeper::look_at_orphans() {
    adopt_births(board_);
    looks_left_ = looks_max;
}

// Exec takes a moment, and longer on a busy machine.
void Keeper::look_again() {
    if (looks_left_ == 0 || finished_) return;
    note_births(board_);
    looks_left_ = note_children(board_, manager_) ? 0 : looks_left_ - 1;
    if (looks_left_ == 0) forget_births(board_);
}

void Keeper::manager_ended(const siginfo_t& end) {
    manager_ = 0;
    look_at_orphans();
    if (!has_stopped_all(end) && fall_back(end)) return;
    if (!is_final(end)) return manager_crashed(end);
    if (end.si_status == 0 && board_.wish.load() == Wish::hand_over) return hand_over();
    finish(end.si_status);
}

// A first manager that cannot start says why, and a person reads it. Once daemons run, an error is
// no reason to leave them alone, unless all is being stopped.
bool Keeper::is_final(const siginfo_t& end) const {
    if (end.si_code != CLD_EXITED) return false;
    if (ended_inside_a_plugin(board_, end) && board_.served.load() > 0 && stops_ == 0) return false;
    return end.si_status == 0 || board_.served.load() == 0 || stops_ > 0;
}

// As it was asked to, which a new program may do before it serves.
bool Keeper::has_stopped_all(const siginfo_t& end) const {
    return end.si_code == CLD_EXITED && end.si_status == 0 && board_.wish.load() == Wish::stop;
}

void Keeper::manager_crashed(const siginfo_t& end) {
    ++board_.restarts;
    if (board_.wish.load() == Wish::hand_over) {
        board_.wish.store(Wish::none);
        upgrade_failed(UpgradeFailure::ended);
    }
    const bool served = board_.ready_pid.exchange(0) != 0;
    const bool exited = end.si_code == CLD_EXITED;
    const char* const how =
        exited ? "the manager ended with code " : "the manager was ended by signal ";
    const bool crashed = note_fault(board_, end);
    const Restarts::Next next = restarts_.ended(served, board_.served.load() > 0, crashed);
    if (next.give_up) {
        Report() << how << end.si_status << ", " << restarts_.unready_deaths()
                 << " times in a row before it could serve; giving up. Daemons keep running; the "
                    "next syspulse daemon takes them over";
        return finish(exited ? end.si_status : EXIT_FAILURE);
    }
    if (next.after_ms == 0) {
        Report() << how << end.si_status << "; starting it again";
        return start_manager();
    }
    Report() << how << end.si_status << "; starting it again in " << next.after_ms << " ms";
    start_timer(next.after_ms);
}

void Keeper::hand_over() {
    board_.wish.store(Wish::none);
    board_.ready_pid.store(0);
    if (board_.program[0] != '\0') {
        board_.program[program_bytes - 1] = '\0';
        const int program = ::open(board_.program, O_PATH | O_CLOEXEC);
        if (program < 0) {
            Report() << "cannot open " << board_.program << ": " << std::strerror(errno)
                     << "; the old program goes on";
            upgrade_failed(UpgradeFailure::ended);
        } else {
            old_program_ = program_;
            program_ = program;
        }
    }
    start_manager();
}

void Keeper::upgrade_failed(UpgradeFailure how) {
    board_.upgrade_failure.store(how);
    ++board_.failed_upgrades;
}

// SIGTERM would have it stop all daemons. One that does so already is at work.
void Keeper::end_overdue() {
    if (board_.wish.load() == Wish::stop) return;
    overdue_ = true;
    ::kill(manager_, SIGKILL);
}

// A new program that cannot serve is given up for the one that could.
bool Keeper::fall_back(const siginfo_t& end) {
    if (old_program_ < 0) return false;
    upgrade_failed(overdue_ ? UpgradeFailure::overdue : UpgradeFailure::ended);
    if (overdue_) {
        Report() << "the new program did not serve within "
                 << static_cast<long>(board_.upgrade_limit())
                 << " ms and was ended; the old one goes on";
    } else {
        Report() << "the new program ended with "
                 << (end.si_code == CLD_EXITED ? "code " : "signal ") << end.si_status
                 << " before it could serve; the old one goes on";
    }
    start_timer(0);
    ::close(program_);
    program_ = old_program_;
    old_program_ = -1;
    start_manager();
    return true;
}

// A new program that serves becomes the keeper's own, too. The process and all that it holds stay.
void Keeper::manager_ready() {
    if (manager_ == 0 || board_.ready_pid.load() != static_cast<std::uint32_t>(manager_)) return;
    restarts_.served();
    start_timer(Restarts::settled_ms);
    drop_start_pages();
    if (old_program_ < 0) return;
    ::close(old_program_);
    old_program_ = -1;
    renew();
}

void Keeper::manager_lives() {
    if (!restarts_.is_settled()) {
        restarts_.settled();
        if (!restarts_.is_calm()) start_timer(Restarts::calm_ms);
        return;
    }
    restarts_.calm();
    board_.crashes_forgotten.store(board_.crashes.load());
}

// The new program finds the keeper that came with it. Returns only if it failed; then the old
// keeper does as well.
void Keeper::renew() {
    Handover handover = handover_;
    handover.program = -1;
    write_handover(keeper_variable, handover);
    for (const int descriptor : {handover_.lock, handover_.endpoint, handover_.board})
        keep_over_exec(descriptor, true);
    ::execveat(program_, "", argv_, environ, AT_EMPTY_PATH);
    for (const int descriptor : {handover_.lock, handover_.endpoint, handover_.board})
        keep_over_exec(descriptor, false);
    Report() << "the keeper stays the old program: " << std::strerror(errno);
}

// A manager that stopped in good order has removed the endpoint's file itself.
void Keeper::finish(int code) {
    if (code != 0 && board_.socket[0] != '\0') ::unlink(board_.socket);
    finished_ = true;
    exit_code_ = code;
}

}  // namespace

bool is_keeper_process() {
    Handover handover;
    return read_handover(keeper_variable, handover) && handover.pid == ::getpid();
}

int keep(char** argv) {
    Handover handover;
    if (!read_handover(keeper_variable, handover)) return EXIT_FAILURE;
    Board* const board = map_board(handover.board);
    if (board == nullptr || board->magic != board_magic) {
        Report() << "cannot start the keeper: its shared memory is missing";
        return EXIT_FAILURE;
    }
    for (const int descriptor :
         {handover.lock, handover.endpoint, handover.board, handover.program})
        keep_over_exec(descriptor, false);
    ::unsetenv(keeper_variable);
    write_handover(manager_variable, handover);
    leave_watchdog_to_manager(handover.pid);
    return Keeper(handover, *board, argv).run();
}

}  // namespace syspulse::keeper
