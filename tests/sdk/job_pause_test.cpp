// syspulse.freeze/1 of the driver `job`, with real processes.
#include <gtest/gtest.h>
#include <windows.h>

#include <fstream>
#include <string>
#include <vector>

#include "support/eventually.hpp"
#include "support/fake_plugin_host.hpp"
#include "support/held_still.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

using Spawn = FakePluginHost::Spawn;

class JobPause : public ::testing::Test {
  protected:
    // A child that has said that it is ready.
    Done start(const std::vector<std::string>& words, const std::string& run_id = {}) {
        Spawn spawn;
        spawn.argv = {CHILD_PROGRAM};
        spawn.argv.insert(spawn.argv.end(), words.begin(), words.end());
        spawn.env = {"PATH=C:\\windows\\system32"};
        spawn.run_id = run_id;
        const Done done = host_.spawn(1, spawn);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        // Who gives a file its name has it open for a moment longer.
        EXPECT_TRUE(test::eventually([&] { return std::ifstream(file()).is_open(); }));
        return done;
    }
    // It and the two that it has started.
    std::vector<DWORD> start_tree() {
        std::vector<DWORD> pids{static_cast<DWORD>(start({"tree", file()}).pid)};
        std::ifstream others(file());
        for (DWORD pid = 0; others >> pid;) pids.push_back(pid);
        EXPECT_EQ(pids.size(), 3U);
        return pids;
    }
    void end(sysp_proc proc) {
        EXPECT_EQ(host_.signal(proc, SYSP_SIG_KILL).status, SYSP_OK);
        const auto exit = host_.wait_exit(proc);
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->value, 9);
    }
    std::string file() const { return (directory_.path() / "ready").string(); }

    test::TemporaryDirectory directory_;
    FakePluginHost host_{JOB_PLUGIN};
};

TEST_F(JobPause, holds_a_process_with_all_that_it_has_started) {
    const std::vector<DWORD> tree = start_tree();
    for (const DWORD pid : tree) EXPECT_FALSE(held_still(pid));
    // Twice is once.
    for (int i = 0; i < 2; ++i) {
        const Done held = host_.freeze(1, true);
        ASSERT_EQ(held.status, SYSP_OK) << held.message;
    }
    for (const DWORD pid : tree) EXPECT_TRUE(held_still(pid));
    EXPECT_GE(host_.stats(1).stats.tasks, 3U);
    EXPECT_EQ(host_.inspect(1).status, SYSP_OK);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(host_.freeze(1, false).status, SYSP_OK);
    for (const DWORD pid : tree) EXPECT_FALSE(held_still(pid));
    end(1);
}

TEST_F(JobPause, kills_what_is_held) {
    const std::vector<DWORD> tree = start_tree();
    ASSERT_EQ(host_.freeze(1, true).status, SYSP_OK);
    end(1);
    for (const DWORD pid : tree) EXPECT_TRUE(test::eventually([pid] { return !held_still(pid); }));
    EXPECT_EQ(host_.freeze(1, true).status, SYSP_E_NOT_FOUND);
}

// Not before: Ctrl+C would make a thread of its own, which runs.
TEST_F(JobPause, a_request_to_end_is_made_once_it_goes_on) {
    const std::string name = "Local\\syspulse-test-held-" + std::to_string(::GetCurrentProcessId());
    const HANDLE event = ::CreateEventA(nullptr, TRUE, FALSE, name.c_str());
    host_.process_options = {{"/stop", "#1"}, {"/stop/0", "event"}, {"/stop_event", name}};
    const Done started = start({"event", name, file()});
    ASSERT_EQ(host_.freeze(1, true).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    EXPECT_EQ(::WaitForSingleObject(event, 0), DWORD{WAIT_TIMEOUT});
    EXPECT_TRUE(held_still(static_cast<DWORD>(started.pid)));
    EXPECT_EQ(host_.freeze(1, false).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 22);
    ::CloseHandle(event);
}

TEST_F(JobPause, the_next_manager_finds_it_held_and_lets_it_go) {
    const std::string run = "run-held-" + std::to_string(::GetCurrentProcessId());
    const Done started = start({"deaf", file()}, run);
    const auto pid = static_cast<DWORD>(started.pid);
    ASSERT_EQ(host_.freeze(1, true).status, SYSP_OK);
    host_.recreate();
    EXPECT_TRUE(held_still(pid)) << "a manager that ends lets nothing go";
    const Done held = host_.recover(2, run, started.token);
    ASSERT_EQ(held.status, SYSP_OK) << held.message;
    EXPECT_EQ(held.flags, std::uint32_t{SYSP_SPAWNF_FROZEN});
    EXPECT_EQ(host_.freeze(2, false).status, SYSP_OK);
    EXPECT_FALSE(held_still(pid));
    host_.recreate();
    EXPECT_EQ(host_.recover(3, run, started.token).flags, 0U);
    end(3);
}

}  // namespace
}  // namespace syspulse::testing
