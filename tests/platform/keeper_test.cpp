// The keeper with scripted managers; this program plays all parts.
#include "keeper/keeper.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "keeper/adoption.hpp"
#include "keeper/board.hpp"
#include "keeper/link.hpp"
#include "scripted_manager.hpp"
#include "support/eventually.hpp"

namespace syspulse::keeper {
namespace {

namespace fs = std::filesystem;

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
        const int errors = ::open((dir_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        start(script, errors);
        ::close(errors);
    }
    void start(const char* script, int errors) {
        pid_ = ::fork();
        if (pid_ != 0) return;
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

TEST_F(KeeperTest, TriesAgainWhenTheNextManagerCannotStart) {
    start("refuse-for-a-while");
    ASSERT_TRUE(test::eventually([&] { return lines("served") == 1; }));
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(lines("starts"), 8U);
}

TEST_F(KeeperTest, ForwardsAStopToAManagerThatCannotStartAndEndsWithItsCode) {
    start("refuse-from-now-on");
    ASSERT_TRUE(test::eventually([&] { return lines("starts") >= 4; }));
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 5);
}

TEST_F(KeeperTest, SlowsDownManagersThatServeOnlyForAMoment) {
    start("die-young");
    ASSERT_TRUE(test::eventually([&] { return lines("served") == 1; }));
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
    std::istringstream text(contents(dir_ / "begun-at"));
    std::vector<long> begun_at;
    for (long ms = 0; text >> ms;) begun_at.push_back(ms);
    ASSERT_EQ(begun_at.size(), 52U);
    EXPECT_GE(begun_at[50] - begun_at[49], 950) << "milliseconds";
    EXPECT_GE(begun_at[51] - begun_at[50], 950) << "the brake has to hold";
}

TEST_F(KeeperTest, WaitsForNobodyWhoReadsWhatItSays) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    while (::write(ends[1], "x", 1) == 1) {
    }
    ::fcntl(ends[1], F_SETFL, 0);
    start("serve", ends[1]);
    for (std::size_t n = 1; n <= 2; ++n) {
        ASSERT_TRUE(test::eventually([&] { return lines("served") == n; }));
        if (n < 2) ::kill(served_last(), SIGKILL);
    }
    ::close(ends[0]);
    ::kill(served_last(), SIGKILL);
    ASSERT_TRUE(test::eventually([&] { return lines("served") == 3; }));
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
    ::close(ends[1]);
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
    EXPECT_EQ(contents(dir_ / "before"), "ynn");
    EXPECT_EQ(contents(dir_ / "after"), "yyn");
    EXPECT_EQ(contents(dir_ / "begun"), "5");
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

TEST_F(KeeperTest, GoesOnWithTheOldProgramWhenTheNewOneNeitherServesNorEnds) {
    start("hang-in-upgrade");
    ASSERT_TRUE(test::eventually([&] { return lines("served") == 1; }));
    EXPECT_EQ(contents(dir_ / "failure"), "overdue");
    EXPECT_EQ(lines("starts"), 3U);
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(
        contents(dir_ / "stderr"),
        "syspulse: the new program did not serve within 50 ms and was ended; the old one goes "
        "on\n");
}

TEST_F(KeeperTest, EndsWithANewProgramThatStopsAllBeforeItServes) {
    start("stop-in-upgrade");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(lines("starts"), 2U) << "the old program has nothing to do any more";
    EXPECT_EQ(contents(dir_ / "stderr"), "");
}

TEST_F(KeeperTest, CountsAnUpgradeWhoseManagerDiedInItsFarewell) {
    start("die-in-farewell");
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(lines("starts"), 2U) << "the wish must not stay for the end of the next one";
    EXPECT_EQ(contents(dir_ / "failed"), "1");
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
        if (!link) return 93;
        return *link ? play_manager(**link, argv[2], argv[3]) : launch(argv[3]);
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
