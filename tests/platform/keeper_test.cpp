// The keeper with scripted managers. This program plays all parts: started as "launch SCRIPT DIR"
// it becomes a keeper, and its children, which have a link to it, play the manager SCRIPT.
#include "keeper/keeper.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "keeper/adoption.hpp"
#include "keeper/board.hpp"
#include "keeper/link.hpp"
#include "support/eventually.hpp"

namespace syspulse::keeper {
namespace {

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
        if (link.saw_strays()) return 97;
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
        link.note_run(RunId{5}, child);
        link.serving();
        end_by(SIGKILL);
    }
    link.serving();
    while (!link.exit_of(RunId{5}, 0)) ::usleep(1000);
    // A manager that takes over a run which has ended by then notes it once more.
    pid_t child = 0;
    std::ifstream{dir / "child"} >> child;
    link.note_run(RunId{5}, child);
    const auto status = link.exit_of(RunId{5}, child);
    append(dir / "status", status ? describe(*status) : "forgotten");
    if (link.saw_strays()) append(dir / "status", ", a stray");
    link.forget_run(RunId{5});
    return link.exit_of(RunId{5}, 0) ? 98 : 0;
}

// The first manager dies right after it has cloned a child, which calls exec a little later and
// ends with 7.
int leave_beginner(Link& link, const fs::path& dir, const char* variable) {
    link.serving();
    if (link.restarts() > 0) {
        pid_t child = 0;
        std::ifstream{dir / "child"} >> child;
        while (::kill(child, 0) == 0) ::usleep(1000);
        const auto status = link.exit_of(RunId{5}, 0);
        append(dir / "status", status ? describe(*status) : "of no run");
        if (link.saw_strays()) append(dir / "status", ", a stray");
        return 0;
    }
    const pid_t manager = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        while (::getppid() == manager) ::usleep(1000);
        ::setsid();
        ::usleep(100'000);
        const std::array<const char*, 2> environment{variable, nullptr};
        ::execle("/bin/sh", "sh", "-c", "sleep 0.5; exit 7", nullptr, environment.data());
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
        if (link.saw_strays()) append(dir / "status", ", a stray");
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

// A session of which nobody noted anything ends after its manager.
int leave_stray(Link& link) {
    link.serving();
    if (link.restarts() > 0) {
        while (!link.saw_strays()) ::usleep(1000);
        return 0;
    }
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
        return link.hand_over("/bin/false") ? 0 : 97;
    }
    append(dir / "served", "again");
    return 0;
}

int upgrade(Link& link, const fs::path& dir) {
    const bool first = !fs::exists(dir / "handed-over");
    append(dir / "handed-over", std::to_string(link.keeper_pid()) + "\n");
    link.serving();
    if (!first) return wait_for_stop();
    return link.hand_over(fs::read_symlink("/proc/self/exe").string()) ? 0 : 97;
}

int play_manager(Link& link, const std::string& script, const fs::path& dir) {
    append(dir / "starts", std::to_string(::getpid()) + "\n");
    if (script == "refuse") return 5;
    if (script == "crash") end_by(SIGSEGV);
    if (script == "serve") return serve(link, dir);
    if (script == "leave-child") return leave_child(link, dir);
    if (script == "leave-beginner") return leave_beginner(link, dir, "SYSPULSE_RUN_ID=x/5");
    if (script == "leave-stranger") return leave_beginner(link, dir, "A=1");
    if (script == "leave-newborn") return leave_newborn(link, dir);
    if (script == "leave-stray") return leave_stray(link);
    if (script == "upgrade-in-vain") return upgrade_in_vain(link, dir);
    if (script == "upgrade") return upgrade(link, dir);
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

class KeeperTest : public testing::Test {
  protected:
    KeeperTest() {
        std::string pattern = (fs::temp_directory_path() / "keeper-XXXXXX").string();
        dir_ = ::mkdtemp(pattern.data());
    }
    ~KeeperTest() override {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        fs::remove_all(dir_);
    }

    void start(const char* script) {
        pid_ = ::fork();
        if (pid_ != 0) return;
        const int errors = ::open((dir_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(errors, STDERR_FILENO);
        ::execl("/proc/self/exe", "keeper_test", "launch", script, dir_.c_str(), nullptr);
        ::_exit(94);
    }
    int end() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    std::size_t lines(const char* file) const {
        const std::string text = contents(dir_ / file);
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }
    pid_t served_last() const {
        std::istringstream text(contents(dir_ / "served"));
        pid_t last = 0;
        for (pid_t pid = 0; text >> pid;) last = pid;
        return last;
    }

    fs::path dir_;
    pid_t pid_ = 0;
};

TEST(Adoption, FindsTheRunInAnEnvironment) {
    using namespace std::string_view_literals;
    const auto run = [](std::string_view text) { return run_of(text.data(), text.size()); };
    EXPECT_EQ(run("A=1\0SYSPULSE_RUN_ID=d2f0-31/417\0B=2\0"sv), 417U);
    EXPECT_EQ(run("XSYSPULSE_RUN_ID=1\0SYSPULSE_RUN=2\0"sv), 0U);
    EXPECT_EQ(run("SYSPULSE_RUN_ID=7"sv), 0U) << "cut off";
    EXPECT_EQ(run("SYSPULSE_RUN_ID=none\0"sv), 0U);
    EXPECT_EQ(run(""sv), 0U);
}

TEST(Board, HoldsNotesOfProcessesThatShareAPlace) {
    const auto board = std::make_unique<Board>();
    constexpr auto distance = static_cast<std::int32_t>(kept_runs);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(note_places); ++i) {
        const std::int32_t pid = distance - 1 + i * distance;
        EXPECT_EQ(note_of(*board, pid), nullptr);
        place_of(*board, pid) = {static_cast<std::uint64_t>(i) + 1, 0, pid, 0};
    }
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(note_places); ++i) {
        const RunNote* const note = note_of(*board, distance - 1 + i * distance);
        ASSERT_NE(note, nullptr) << i;
        EXPECT_EQ(note->run, static_cast<std::uint64_t>(i) + 1);
    }
    RunNote* const third = note_of(*board, distance - 1 + 2 * distance);
    *third = {};
    EXPECT_NE(note_of(*board, distance - 1 + 3 * distance), nullptr);
    EXPECT_EQ(&place_of(*board, distance - 1 + 9 * distance), third);
}

TEST_F(KeeperTest, PassesOnTheExitCodeOfAManagerThatCouldNotStart) {
    start("refuse");
    EXPECT_EQ(end(), 5);
    EXPECT_EQ(lines("starts"), 1U);
    EXPECT_FALSE(fs::exists(dir_ / "socket"));
}

TEST_F(KeeperTest, GivesUpAManagerThatCrashesBeforeItServes) {
    start("crash");
    EXPECT_EQ(end(), 1);
    EXPECT_EQ(lines("starts"), 5U);
    EXPECT_NE(contents(dir_ / "stderr").find("giving up"), std::string::npos);
}

TEST_F(KeeperTest, ReplacesAKilledManagerAndStopsWithTheLast) {
    start("serve");
    for (std::size_t n = 1; n <= 3; ++n) {
        ASSERT_TRUE(test::eventually([&] { return lines("served") == n; }));
        EXPECT_EQ(contents(dir_ / "pid"), std::to_string(served_last()) + "\n");
        if (n < 3) ::kill(served_last(), SIGKILL);
    }
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
}

TEST_F(KeeperTest, EndsItsManagerWithItself) {
    start("serve");
    ASSERT_TRUE(test::eventually([&] { return lines("served") == 1; }));
    const pid_t manager = served_last();
    ::kill(pid_, SIGKILL);
    EXPECT_EQ(end(), -SIGKILL);
    EXPECT_TRUE(test::eventually([&] { return has_ended(std::to_string(manager)); }));
}

TEST_F(KeeperTest, KeepsTheStatusOfAnOrphan) {
    start("leave-child");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(contents(dir_ / "status"), "exit code 7");
}

TEST_F(KeeperTest, KeepsTheStatusOfAChildThatBecameARunAfterItsManagerDied) {
    start("leave-beginner");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(contents(dir_ / "status"), "exit code 7");
}

TEST_F(KeeperTest, KeepsTheStatusOfAChildThatEndedWhileItsManagerWasMakingIt) {
    start("leave-newborn");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(contents(dir_ / "status"), "exit code 7");
    EXPECT_EQ(contents(dir_ / "places"), std::to_string(kept_births)) << "one is not free again";
}

TEST_F(KeeperTest, DoesNotWonderAboutAChildThatIsKnownToBeOfNoRun) {
    start("leave-stranger");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(contents(dir_ / "status"), "of no run");
}

TEST_F(KeeperTest, TellsOfAnOrphanThatWasNobodysRun) {
    start("leave-stray");
    EXPECT_EQ(end(), 0);
}

TEST_F(KeeperTest, RepeatsAStopToTheManagerThatReplacesADeadOne) {
    start("crash-while-stopping");
    ASSERT_TRUE(test::eventually([&] { return !contents(dir_ / "served").empty(); }));
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(lines("starts"), 2U);
}

TEST_F(KeeperTest, GoesOnWithTheOldProgramWhenTheNewOneFails) {
    start("upgrade-in-vain");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(contents(dir_ / "served"), "again");
}

TEST_F(KeeperTest, StaysTheSameProcessOverAnUpgrade) {
    start("upgrade");
    ASSERT_TRUE(test::eventually([&] { return lines("handed-over") == 2; }));
    const std::string keeper = std::to_string(pid_) + "\n";
    EXPECT_EQ(contents(dir_ / "handed-over"), keeper + keeper);
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
}

}  // namespace
}  // namespace syspulse::keeper

int main(int argc, char** argv) {
    using namespace syspulse::keeper;
    if (is_keeper_process()) return keep(argv);
    if (argc == 4 && std::string(argv[1]) == "launch") {
        const auto link = Link::inherit();
        return link ? play_manager(*link, argv[2], argv[3]) : launch(argv[3]);
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
