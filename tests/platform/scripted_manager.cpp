#include "scripted_manager.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>

#include "keeper/keeper.hpp"

namespace syspulse::keeper {

namespace fs = std::filesystem;

void append(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::app) << text << std::flush;
}

std::string contents(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

bool has_ended(const std::string& pid) {
    const std::string stat = contents("/proc/" + pid + "/stat");
    return stat.empty() || stat.find(") Z ") != std::string::npos;
}

namespace {

constexpr std::chrono::minutes patience{1};

[[noreturn]] void end_by(int number) {
    // AddressSanitizer would turn some signals into an exit.
    ::signal(number, SIG_DFL);
    ::raise(number);
    ::_exit(99);
}

int wait_for_stop() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    int number = 0;
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::sigwait(&set, &number);
    return 0;
}

int serve(Link& link, const fs::path& dir) {
    link.serving();
    append(dir / "served", std::to_string(::getpid()) + "\n");
    return wait_for_stop();
}

// The first manager leaves a child behind that ends with 7 once nobody is its parent; the second
// one learns of it.
int leave_child(Link& link, const fs::path& dir) {
    if (link.restarts() == 0) {
        static_cast<void>(link.expect_process(RunId{5}));
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return 98;
        const pid_t manager = ::getpid();
        const pid_t child = ::fork();
        if (child == 0) {
            ::setsid();
            while (::getppid() == manager) ::usleep(1000);
            ::_exit(7);
        }
        while (::getsid(child) != child) ::usleep(1000);
        append(dir / "child", std::to_string(child));
        link.note_run(RunId{5}, child, -1);
        link.serving();
        end_by(SIGKILL);
    }
    link.serving();
    while (!link.exit_of(RunId{5}, 0)) ::usleep(1000);
    // A manager that takes over a run which has ended by then notes it once more.
    pid_t child = 0;
    std::ifstream{dir / "child"} >> child;
    link.note_run(RunId{5}, child, -1);
    const auto status = link.exit_of(RunId{5}, child);
    append(dir / "status", status ? describe(*status) : "forgotten");
    if (link.may_have_run(RunId{5})) append(dir / "status", ", a stray");
    link.forget_run(RunId{5});
    return link.exit_of(RunId{5}, 0) ? 98 : 0;
}

// The first manager dies right after it has cloned a child, which calls exec when the next manager
// is there, so that the keeper has looked at it before. It ends with 7 when that one lets it: the
// keeper has seen then what it became.
int leave_beginner(Link& link, const fs::path& dir, const char* variable) {
    link.serving();
    const std::string gate = (dir / "gate").string();
    if (link.restarts() > 0) {
        pid_t child = 0;
        std::ifstream{dir / "child"} >> child;
        while (contents("/proc/" + std::to_string(child) + "/comm") != "sh\n") ::usleep(1000);
        link.ask_for_ends();
        while (!link.has_told_ends()) ::usleep(1000);
        ::close(::open(gate.c_str(), O_WRONLY | O_CLOEXEC));
        while (::kill(child, 0) == 0) ::usleep(1000);
        const auto status = link.exit_of(RunId{5}, 0);
        append(dir / "status", status ? describe(*status) : "of no run");
        if (link.may_have_run(RunId{5})) append(dir / "status", ", a stray");
        return 0;
    }
    static_cast<void>(link.expect_process(RunId{5}));
    if (::mkfifo(gate.c_str(), 0600) != 0) return 98;
    const pid_t manager = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        while (::getppid() == manager) ::usleep(1000);
        ::setsid();
        const auto starts = [&] {
            const std::string lines = contents(dir / "starts");
            return std::count(lines.begin(), lines.end(), '\n');
        };
        while (starts() < 2) ::usleep(1000);
        const std::array<const char*, 2> environment{variable, nullptr};
        ::execle("/bin/sh", "sh", "-c", "read ready < \"$0\"; exit 7", gate.c_str(), nullptr,
                 environment.data());
        ::_exit(99);
    }
    append(dir / "child", std::to_string(child));
    end_by(SIGKILL);
}

// The first manager dies while it makes a process, which ends before anybody could look at it.
int leave_newborn(Link& link, const fs::path& dir) {
    link.serving();
    if (link.restarts() > 0) {
        while (!has_ended(contents(dir / "child"))) ::usleep(1000);
        link.ask_for_ends();
        while (!link.has_told_ends()) ::usleep(1000);
        const auto status = link.exit_of(RunId{5}, 0);
        append(dir / "status", status ? describe(*status) : "of no run");
        if (link.may_have_run(RunId{5})) append(dir / "status", ", a stray");
        std::set<std::int32_t*> places;
        for (std::uint64_t run = 6; std::int32_t* place = link.expect_process(RunId{run}); ++run)
            places.insert(place);
        append(dir / "places", std::to_string(places.size()));
        return 0;
    }
    std::int32_t* const pid = link.expect_process(RunId{5});
    const pid_t manager = ::getpid();
    if (::fork() == 0) {
        *pid = ::getpid();
        ::setsid();
        while (::getppid() == manager) ::usleep(1000);
        ::_exit(7);
    }
    while (*pid == 0) ::usleep(1000);
    append(dir / "child", std::to_string(*pid));
    end_by(SIGKILL);
}

// A session of which nobody noted anything ends after its manager. It may be the process of run 5;
// of older ones this keeper cannot know, and newer ones were never begun.
int leave_stray(Link& link, const fs::path& dir) {
    constexpr std::array<RunId, 3> runs{RunId{3}, RunId{5}, RunId{6}};
    const auto may_have_run = [&] {
        std::string told;
        for (const RunId run : runs) told += link.may_have_run(run) ? 'y' : 'n';
        return told;
    };
    link.take_over(link.restarts() == 0 ? RunId{3} : RunId{5});
    link.serving();
    if (link.restarts() > 0) {
        while (may_have_run() == contents(dir / "before")) ::usleep(1000);
        append(dir / "after", may_have_run());
        append(dir / "begun", link.was_begun(RunId{6}) ? "6" : link.was_begun(RunId{5}) ? "5" : "");
        return 0;
    }
    static_cast<void>(link.expect_process(RunId{5}));
    append(dir / "before", may_have_run());
    const pid_t manager = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        while (::getppid() == manager) ::usleep(1000);
        ::_exit(7);
    }
    while (::getsid(child) != child) ::usleep(1000);
    end_by(SIGKILL);
}

int upgrade_in_vain(Link& link, const fs::path& dir) {
    if (link.failed_upgrades() == 0) {
        link.serving();
        return link.hand_over("/bin/false", patience) ? 0 : 97;
    }
    append(dir / "served", "again");
    return 0;
}

int upgrade(Link& link, const fs::path& dir) {
    const bool first = !fs::exists(dir / "handed-over");
    append(dir / "handed-over", std::to_string(link.keeper_pid()) + "\n");
    link.serving();
    if (!first) return wait_for_stop();
    return link.hand_over(fs::read_symlink("/proc/self/exe").string(), patience) ? 0 : 97;
}

// The new program does nothing at all, which is found out by a short limit. The old one goes on.
int hang_in_upgrade(Link& link, const fs::path& dir) {
    if (link.failed_upgrades() > 0) {
        append(dir / "failure",
               link.upgrade_failure() == UpgradeFailure::overdue ? "overdue" : "?");
        return serve(link, dir);
    }
    while (fs::exists(dir / "handed-over")) ::pause();
    append(dir / "handed-over", "x");
    link.serving();
    constexpr std::chrono::milliseconds limit{50};
    return link.hand_over(fs::read_symlink("/proc/self/exe").string(), limit) ? 0 : 97;
}

// The new program is asked to stop all before it serves, and does.
int stop_in_upgrade(Link& link, const fs::path& dir) {
    if (fs::exists(dir / "handed-over")) {
        link.stopping();
        return 0;
    }
    append(dir / "handed-over", "x");
    link.serving();
    return link.hand_over(fs::read_symlink("/proc/self/exe").string(), patience) ? 0 : 97;
}

// Managers that cannot start follow one that has served; the last of them can, if there is one.
int refuse_later(Link& link, const fs::path& dir, std::uint32_t refusals) {
    if (link.restarts() == 0) {
        link.serving();
        end_by(SIGKILL);
    }
    return link.restarts() <= refusals ? 5 : serve(link, dir);
}

// Dies as soon as it serves, so often that the keeper slows down, and twice more.
int die_young(Link& link, const fs::path& dir) {
    constexpr std::uint32_t slowed_down_after = 50;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    append(dir / "begun-at", std::to_string(now.tv_sec * 1000 + now.tv_nsec / 1'000'000) + "\n");
    if (link.restarts() > slowed_down_after) return serve(link, dir);
    link.serving();
    end_by(SIGKILL);
}

int die_in_farewell(Link& link, const fs::path& dir) {
    link.serving();
    if (link.restarts() == 0) {
        if (link.hand_over("", patience)) end_by(SIGKILL);
        return 97;
    }
    append(dir / "failed", std::to_string(link.failed_upgrades()));
    return 0;
}

}  // namespace

int play_manager(Link& link, const std::string& script, const fs::path& dir) {
    append(dir / "starts", std::to_string(::getpid()) + "\n");
    if (script == "refuse") return 5;
    if (script == "crash") end_by(SIGSEGV);
    if (script == "serve") return serve(link, dir);
    if (script == "leave-child") return leave_child(link, dir);
    if (script == "leave-beginner") return leave_beginner(link, dir, "SYSPULSE_RUN_ID=x/5");
    if (script == "leave-stranger") return leave_beginner(link, dir, "A=1");
    if (script == "leave-newborn") return leave_newborn(link, dir);
    if (script == "leave-stray") return leave_stray(link, dir);
    if (script == "upgrade-in-vain") return upgrade_in_vain(link, dir);
    if (script == "hang-in-upgrade") return hang_in_upgrade(link, dir);
    if (script == "stop-in-upgrade") return stop_in_upgrade(link, dir);
    if (script == "upgrade") return upgrade(link, dir);
    if (script == "refuse-for-a-while") return refuse_later(link, dir, 6);
    if (script == "refuse-from-now-on") return refuse_later(link, dir, 1000);
    if (script == "die-young") return die_young(link, dir);
    if (script == "die-in-farewell") return die_in_farewell(link, dir);
    if (script == "crash-while-stopping") {
        link.serving();
        append(dir / "served", "x");
        wait_for_stop();
        if (link.restarts() == 0) end_by(SIGKILL);
        return 0;
    }
    return 96;
}

int launch(const fs::path& dir) {
    const int lock = ::open((dir / "pid").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int endpoint = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    append(dir / "socket", "");
    append(dir / "errors", run_under_keeper(lock, endpoint, (dir / "socket").string()).message);
    return 95;
}

}  // namespace syspulse::keeper
