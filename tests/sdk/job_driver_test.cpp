// The driver `job` through the C ABI, with real processes.
#include <gtest/gtest.h>
#include <windows.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "support/eventually.hpp"
#include "support/fake_plugin_host.hpp"
#include "support/temporary_directory.hpp"
#include "support/wine.hpp"

namespace syspulse::testing {
namespace {

using Spawn = FakePluginHost::Spawn;
using Words = std::vector<std::string>;

Spawn child(const Words& words) {
    Spawn spawn;
    spawn.argv = {CHILD_PROGRAM};
    spawn.argv.insert(spawn.argv.end(), words.begin(), words.end());
    spawn.env = {"PATH=C:\\windows\\system32"};
    return spawn;
}

bool lives(std::int64_t pid) {
    const HANDLE process = ::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(pid));
    if (process == nullptr) return false;
    const bool alive = ::WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
    ::CloseHandle(process);
    return alive;
}

class JobDriver : public ::testing::Test {
  protected:
    // What the program prints; it ends with 0.
    std::string output(Spawn spawn) {
        HANDLE reader = nullptr;
        HANDLE writer = nullptr;
        EXPECT_NE(::CreatePipe(&reader, &writer, nullptr, 1 << 20), 0);
        spawn.stdio[1] = static_cast<sysp_handle>(reinterpret_cast<std::intptr_t>(writer));
        const Done done = host_.spawn(1, spawn);
        ::CloseHandle(writer);
        EXPECT_EQ(done.status, SYSP_OK) << done.message;
        std::string text;
        char chunk[4096];
        for (DWORD got = 0; ::ReadFile(reader, chunk, sizeof chunk, &got, nullptr) != 0 && got > 0;)
            text.append(chunk, got);
        ::CloseHandle(reader);
        const auto exit = host_.wait_exit(1);
        EXPECT_TRUE(exit && exit->kind == SYSP_EXIT_CODE && exit->value == 0) << text;
        host_.release(1);
        return text;
    }
    std::string ready_file() const { return (directory_.path() / "ready").string(); }
    // Until it can be read: who gives a file its name has it open for a moment longer.
    bool await_file() const {
        return test::eventually([&] { return std::ifstream(ready_file()).is_open(); });
    }
    std::string file_text() const {
        std::ifstream file(ready_file());
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }

    test::TemporaryDirectory directory_;
    FakePluginHost host_{JOB_PLUGIN};
};

TEST_F(JobDriver, reports_the_exit_code) {
    ASSERT_EQ(host_.spawn(1, child({"exit", "1234"})).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(exit->value, 1234);
}

TEST_F(JobDriver, takes_an_exit_code_of_259_for_an_end) {
    ASSERT_EQ(host_.spawn(1, child({"exit", "259"})).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 259);
}

TEST_F(JobDriver, reports_a_crash_by_its_status) {
    ASSERT_EQ(host_.spawn(1, child({"crash"})).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(static_cast<std::uint32_t>(exit->value), 0xC0000005U);
}

TEST_F(JobDriver, names_the_error_and_the_stage_of_a_missing_program) {
    Spawn spawn;
    spawn.argv = {"C:\\no\\such"};
    const Done done = host_.spawn(1, spawn);
    EXPECT_EQ(done.status, SYSP_E_OS);
    EXPECT_EQ(done.os_code, ERROR_FILE_NOT_FOUND);
    EXPECT_EQ(done.message, "cannot execute C:\\no\\such: there is no such program (stage exec)");
}

TEST_F(JobDriver, names_the_path_that_was_searched) {
    Spawn spawn;
    spawn.argv = {"no-such-program"};
    spawn.env = {"Path=C:\\a;C:\\b"};
    EXPECT_NE(host_.spawn(1, spawn).message.find("in PATH (C:\\a;C:\\b)"), std::string::npos);
}

TEST_F(JobDriver, names_the_stage_of_a_missing_working_directory) {
    Spawn spawn = child({"exit", "0"});
    spawn.cwd = "C:\\no\\dir";
    const Done done = host_.spawn(1, spawn);
    EXPECT_NE(done.message.find("cannot enter the working directory C:\\no\\dir"),
              std::string::npos)
        << done.message;
}

TEST_F(JobDriver, refuses_what_windows_cannot_do_and_says_what_can) {
    Spawn spawn = child({"exit", "0"});
    spawn.user = "somebody";
    const Done user = host_.spawn(1, spawn);
    EXPECT_EQ(user.status, SYSP_E_CONFIG);
    EXPECT_NE(user.message.find("run a manager as that user"), std::string::npos);
    EXPECT_EQ(host_.spawn(1, Spawn{}).status, SYSP_E_CONFIG);
    for (const char* script : {"a.cmd", "C:\\dir\\b.BAT"}) {
        spawn = Spawn{};
        spawn.argv = {script};
        const Done refused = host_.spawn(1, spawn);
        EXPECT_EQ(refused.status, SYSP_E_CONFIG);
        EXPECT_NE(refused.message.find("write [cmd.exe, /d, /c, call, FILE, ...]"),
                  std::string::npos);
    }
}

TEST_F(JobDriver, gives_every_argument_as_it_is) {
    EXPECT_EQ(output(child({"argv", "", "a b", "q\"q", "back\\", "b s\\", "\\\"", "t\t", "\xc3\xa9",
                            "%PATH%", "^&|<>", "*"})),
              "[]\n[a b]\n[q\"q]\n[back\\]\n[b s\\]\n[\\\"]\n[t\t]\n[\xc3\xa9]\n[%PATH%]\n[^&|<>]"
              "\n[*]\n");
}

TEST_F(JobDriver, gives_the_environment_the_run_id_and_what_windows_needs) {
    Spawn spawn = child({"env"});
    spawn.env = {"B=2", "a=\xc3\xa9", "A=1", "SYSPULSE_RUN_ID=forged"};
    spawn.run_id = "run-42";
    const std::string text = output(spawn);
    EXPECT_NE(text.find("A=1\n"), std::string::npos) << text;
    EXPECT_NE(text.find("B=2\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("a=\xc3\xa9"), std::string::npos) << "the later of two in any case counts";
    EXPECT_NE(text.find("SYSPULSE_RUN_ID=run-42\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("forged"), std::string::npos);
    EXPECT_NE(text.find("SystemRoot="), std::string::npos) << text;
}

TEST_F(JobDriver, runs_in_a_directory_with_any_name) {
    const auto odd = directory_.path() / std::filesystem::path(u8"with blank \u00e9");
    std::filesystem::create_directory(odd);
    Spawn spawn = child({"cwd"});
    spawn.cwd = odd.string();
    const std::string text = output(spawn);
    EXPECT_NE(text.find("with blank \xc3\xa9"), std::string::npos) << text;
}

TEST_F(JobDriver, gives_three_handles_and_no_other) {
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    const HANDLE stray = ::CreateEventW(&inherited, TRUE, FALSE, nullptr);
    const auto value = std::to_string(reinterpret_cast<std::uintptr_t>(stray));
    EXPECT_EQ(output(child({"handle", value})), "0\n");
    ::CloseHandle(stray);
}

TEST_F(JobDriver, ends_a_process_by_ctrl_c) {
    ASSERT_EQ(host_.spawn(1, child({"ctrl", ready_file()})).status, SYSP_OK);
    ASSERT_TRUE(await_file());
    const Done done = host_.signal(1, SYSP_SIG_TERMINATE);
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_CODE);
    EXPECT_EQ(exit->value, 21);
}

// Under Wine Ctrl+C may be late, and the event must not overtake it.
TEST_F(JobDriver, takes_the_next_step_when_one_does_not_help) {
    host_.process_options = {{"/stop", "#2"},
                             {"/stop/0", "ctrl_c"},
                             {"/stop/1", "event"},
                             {"/stop_step_secs", "2"},
                             {"/stop_event", "Local\\syspulse-test-stop"}};
    ASSERT_EQ(host_.spawn(1, child({"steps", "Local\\syspulse-test-stop", ready_file()})).status,
              SYSP_OK);
    ASSERT_TRUE(await_file());
    ASSERT_EQ(host_.signal(1, SYSP_SIG_OS, 15).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 22) << "23: the event came, and Ctrl+C before it did not";
}

TEST_F(JobDriver, ends_a_process_by_ctrl_break) {
    SYSPULSE_SKIP_UNDER_WINE("CTRL_BREAK_EVENT; asserted: it ends a process with 0xC000013A");
    host_.process_options = {{"/stop", "#1"}, {"/stop/0", "ctrl_break"}};
    ASSERT_EQ(host_.spawn(1, child({"deaf", ready_file()})).status, SYSP_OK);
    ASSERT_TRUE(await_file());
    ASSERT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(static_cast<std::uint32_t>(exit->value), 0xC000013AU);
}

TEST_F(JobDriver, kills_a_process_that_does_not_listen) {
    ASSERT_EQ(host_.spawn(1, child({"deaf", ready_file()})).status, SYSP_OK);
    ASSERT_TRUE(await_file());
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->kind, SYSP_EXIT_SIGNAL);
    EXPECT_EQ(exit->value, 9);
}

TEST_F(JobDriver, kills_all_that_a_process_has_started) {
    const Done done = host_.spawn(1, child({"tree", ready_file()}));
    ASSERT_EQ(done.status, SYSP_OK) << done.message;
    ASSERT_TRUE(await_file());
    std::istringstream pids(file_text());
    std::vector<std::int64_t> tree;
    for (std::int64_t pid = 0; pids >> pid;) tree.push_back(pid);
    ASSERT_EQ(tree.size(), 2U);
    for (const auto pid : tree) EXPECT_TRUE(lives(pid));
    const Done stats = host_.stats(1);
    EXPECT_GE(stats.stats.tasks, 3U) << "the host of its hidden console may count, too";
    EXPECT_GT(stats.stats.rss_bytes, 0U);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    ASSERT_TRUE(host_.wait_exit(1));
    for (const auto pid : tree) EXPECT_TRUE(test::eventually([pid] { return !lives(pid); }));
}

TEST_F(JobDriver, knows_few_signals_and_names_them) {
    ASSERT_EQ(host_.spawn(1, child({"sleep"})).status, SYSP_OK);
    const Done done = host_.signal(1, SYSP_SIG_OS, 10);
    EXPECT_EQ(done.status, SYSP_E_UNSUPPORTED);
    EXPECT_NE(done.message.find("SIGTERM and SIGINT"), std::string::npos) << done.message;
    EXPECT_NE(host_.signal(1, SYSP_SIG_RELOAD).message.find("reload_event"), std::string::npos);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    ASSERT_TRUE(host_.wait_exit(1));
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_OK);
    host_.release(1);
    host_.release(1);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_TERMINATE).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.inspect(1).status, SYSP_E_NOT_FOUND);
}

TEST_F(JobDriver, finds_a_live_process_again_by_its_token) {
    Spawn spawn = child({"sleep"});
    spawn.run_id = "run-recover-" + std::to_string(::GetCurrentProcessId());
    const Done started = host_.spawn(1, spawn);
    ASSERT_EQ(started.status, SYSP_OK) << started.message;
    host_.release(1);  // Never ends it.
    host_.recreate();
    EXPECT_TRUE(lives(started.pid));
    const Done found = host_.recover(2, spawn.run_id, started.token);
    ASSERT_EQ(found.status, SYSP_OK) << found.message;
    EXPECT_EQ(found.pid, started.pid);
    EXPECT_EQ(found.token, started.token);
    EXPECT_EQ(host_.signal(2, SYSP_SIG_KILL).status, SYSP_OK);
    const auto exit = host_.wait_exit(2);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 9);
    host_.release(2);
    EXPECT_EQ(host_.recover(3, spawn.run_id, started.token).status, SYSP_E_NOT_FOUND);
}

TEST_F(JobDriver, takes_no_stranger_with_the_same_number_for_a_run) {
    const Done started = host_.spawn(1, child({"sleep"}));
    ASSERT_EQ(started.status, SYSP_OK);
    std::string other = started.token;
    const std::size_t at = other.find(':', 5) + 1;
    other[at] = other[at] == '1' ? '2' : '1';
    other.replace(other.rfind(':') + 1, std::string::npos, "Local\\syspulse-nobody");
    EXPECT_EQ(host_.recover(2, "run-nobody", other).status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.recover(3, "run-nobody", "rubbish").status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.recover(4, "run-nobody", "").status, SYSP_E_NOT_FOUND);
    EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
    EXPECT_TRUE(host_.wait_exit(1));
}

TEST_F(JobDriver, loses_no_exit_of_many_short_processes) {
    constexpr sysp_proc count = 50;
    for (sysp_proc proc = 1; proc <= count; ++proc)
        ASSERT_EQ(host_.spawn(proc, child({"exit", std::to_string(proc)})).status, SYSP_OK);
    for (sysp_proc proc = 1; proc <= count; ++proc) {
        const auto exit = host_.wait_exit(proc);
        ASSERT_TRUE(exit);
        EXPECT_EQ(exit->value, static_cast<std::int32_t>(proc));
        host_.release(proc);
    }
    EXPECT_EQ(host_.watch_count(), 0U);
}

// The driver asks the system what it took of a limit. One that takes none is the only one that a
// test can be sure of.
TEST_F(JobDriver, starts_nothing_whose_limits_the_system_does_not_take) {
    if (!under_wine()) GTEST_SKIP() << "skipped: Windows enforces every limit";
    for (const std::uint32_t limit : {SYSP_LIMIT_MEMORY, SYSP_LIMIT_CPU, SYSP_LIMIT_PROCESSES}) {
        Spawn spawn = child({"exit", "0"});
        spawn.limits.valid = limit;
        spawn.limits.memory_bytes = 64 << 20;
        spawn.limits.cpu_percent = 50;
        spawn.limits.processes = 4;
        const Done done = host_.spawn(1, spawn);
        EXPECT_NE(done.status, SYSP_OK);
        EXPECT_NE(done.message.find("remove it from resource_limits"), std::string::npos)
            << done.message;
    }
}

TEST_F(JobDriver, lets_no_more_processes_live_than_are_allowed) {
    SYSPULSE_SKIP_UNDER_WINE("JOB_OBJECT_LIMIT_ACTIVE_PROCESS; asserted: the third process fails");
    Spawn spawn = child({"tree", ready_file()});
    spawn.limits.valid = SYSP_LIMIT_PROCESSES;
    spawn.limits.processes = 2;
    ASSERT_EQ(host_.spawn(1, spawn).status, SYSP_OK);
    const auto exit = host_.wait_exit(1);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->value, 3);
}

}  // namespace
}  // namespace syspulse::testing
