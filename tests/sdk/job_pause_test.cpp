// syspulse.freeze/1 of the driver `job`, with real processes.
#include <gtest/gtest.h>
#include <windows.h>

#include <tlhelp32.h>

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
    // Once more each.
    static void suspend_threads(DWORD pid) {
        const HANDLE process = ::OpenProcess(PROCESS_SUSPEND_RESUME, FALSE, pid);
        using Suspend = LONG(WINAPI*)(HANDLE);
        const auto suspend = reinterpret_cast<Suspend>(reinterpret_cast<void*>(
            ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtSuspendProcess")));
        EXPECT_GE(suspend(process), 0);
        ::CloseHandle(process);
    }
    void end(sysp_proc proc) {
        EXPECT_EQ(host_.signal(proc, SYSP_SIG_KILL).status, SYSP_OK);
        const auto exit = host_.wait_exit(proc);
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->value, 9);
    }
    // One that has no console, which a Ctrl+C waits for, and the Ctrl+C.
    Done start_away_and_signal(const std::string& run_id = {}) {
        const Done started = start({"away", file(), back()}, run_id);
        EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
        EXPECT_EQ(senders(), 1U);
        return started;
    }
    // Of Ctrl+C, on their way.
    static std::size_t senders() {
        const HANDLE all = ::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
        PROCESSENTRY32W entry{};
        entry.dwSize = sizeof entry;
        std::size_t count = 0;
        for (BOOL more = ::Process32FirstW(all, &entry); more != 0;
             more = ::Process32NextW(all, &entry)) {
            if (entry.th32ParentProcessID == ::GetCurrentProcessId() &&
                std::wstring(entry.szExeFile) == L"syspulse-console-signal.exe")
                ++count;
        }
        ::CloseHandle(all);
        return count;
    }
    std::string back() const { return (directory_.path() / "back").string(); }
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

TEST_F(JobPause, a_ctrl_c_on_its_way_is_taken_back_and_sent_once_it_goes_on) {
    start_away_and_signal();
    ASSERT_EQ(host_.freeze(1, true).status, SYSP_OK);
    EXPECT_EQ(senders(), 0U);
    std::ofstream(back()) << "now";
    EXPECT_EQ(host_.freeze(1, false).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 21);
    EXPECT_EQ(senders(), 0U);
}

TEST_F(JobPause, a_ctrl_c_on_its_way_ends_with_who_sent_it) {
    const std::string run = "run-away-" + std::to_string(::GetCurrentProcessId());
    const Done started = start_away_and_signal(run);
    host_.recreate();
    EXPECT_EQ(senders(), 0U);
    ASSERT_EQ(host_.recover(2, run, started.token).status, SYSP_OK);
    end(2);
}

TEST_F(JobPause, a_kill_takes_a_ctrl_c_back) {
    start_away_and_signal();
    end(1);
    EXPECT_EQ(senders(), 0U);
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

// Its first thread runs, but nobody may look at it.
TEST_F(JobPause, the_next_manager_does_not_take_one_for_held_that_it_may_not_look_at) {
    const std::string run = "run-guarded-" + std::to_string(::GetCurrentProcessId());
    const Done started = start({"guarded", file()}, run);
    host_.recreate();
    const Done found = host_.recover(2, run, started.token);
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_EQ(found.flags, 0U);
    const Done refused = host_.freeze(2, true);
    EXPECT_NE(refused.status, SYSP_OK);
    EXPECT_NE(refused.message.find("cannot hold a thread"), std::string::npos) << refused.message;
    end(2);
}

// As by a manager that died while it held it.
TEST_F(JobPause, the_next_manager_frees_what_is_held_in_part) {
    const std::string run = "run-half-held-" + std::to_string(::GetCurrentProcessId());
    const Done started = start({"tree", file()}, run);
    std::ifstream others(file());
    DWORD half = 0;
    ASSERT_TRUE(others >> half);
    for (int i = 0; i < 2; ++i) suspend_threads(half);
    EXPECT_TRUE(held_still(half));
    host_.recreate();
    EXPECT_EQ(host_.recover(2, run, started.token).flags, 0U);
    EXPECT_TRUE(held_still(half));
    EXPECT_EQ(host_.freeze(2, false).status, SYSP_OK);
    EXPECT_FALSE(held_still(half));
    end(2);
}

TEST_F(JobPause, the_next_manager_goes_on_with_defaults_when_options_do_not_fit) {
    const std::string run = "run-options-" + std::to_string(::GetCurrentProcessId());
    const Done started = start({"deaf", file()}, run);
    host_.recreate();
    host_.process_options = {{"/stop", "#1"}, {"/stop/0", "event"}};
    const Done found = host_.recover(2, run, started.token);
    EXPECT_EQ(found.status, SYSP_OK) << found.message;
    end(2);
}

}  // namespace
}  // namespace syspulse::testing
