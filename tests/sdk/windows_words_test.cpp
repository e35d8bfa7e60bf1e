// How the plugins for Windows tell the system what to do: command lines, environments, limits,
// tokens.
#include <gmock/gmock.h>
#include <windows.h>

#include <shellapi.h>

#include <random>
#include <string>
#include <vector>

#include "job/held_threads.hpp"
#include "job/job_object.hpp"
#include "job/token.hpp"
#include "support/temporary_directory.hpp"
#include "windows/command_line.hpp"
#include "windows/launch.hpp"
#include "windows/win32.hpp"

namespace syspulse::plugins {
namespace {

using testing::HasSubstr;
using windows::command_line;
using windows::environment_block;
using windows::find_program;
using windows::to_utf8;
using windows::to_wide;
using Words = std::vector<std::string>;

Words parsed(const std::wstring& line) {
    int count = 0;
    wchar_t** const words = ::CommandLineToArgvW(line.c_str(), &count);
    Words result;
    for (int i = 0; i < count; ++i) result.push_back(to_utf8(words[i]));
    ::LocalFree(words);
    return result;
}

template <typename Function>
std::string error_of(Function&& function) {
    try {
        function();
    } catch (const sdk::Error& error) {
        return error.what();
    }
    return "nothing was refused";
}

// Whatever is in an argument, Windows makes it again.
TEST(CommandLine, is_taken_apart_into_the_same_arguments) {
    std::mt19937 random(20260101);
    const std::vector<std::string> pieces = {
        "\\", "\"", " ", "\t", "\n", "a",    "'",        "%",
        "^",  "&",  "|", "<",  "-",  "\\\\", "\xc3\xa9", "\xf0\x9f\x98\x80"};
    for (int round = 0; round < 20'000; ++round) {
        Words argv = {"C:\\some dir\\program.exe"};
        const auto count = random() % 5;
        for (unsigned i = 0; i < count; ++i) {
            std::string word;
            for (auto left = random() % 9; left > 0; --left)
                word += pieces[random() % pieces.size()];
            argv.push_back(word);
        }
        const std::wstring line = command_line(argv);
        ASSERT_EQ(parsed(line), argv) << to_utf8(line);
    }
}

TEST(CommandLine, refuses_what_windows_cannot_take) {
    EXPECT_THAT(error_of([] {
                    command_line({"a", std::string(40'000, 'x')});
                }),
                HasSubstr("Windows takes 32766"));
    EXPECT_NO_THROW(command_line({"a", std::string(32'760, 'x')}));
    EXPECT_THAT(error_of([] { command_line({"a", std::string("x\0y", 3)}); }), HasSubstr("zero"));
    EXPECT_THAT(error_of([] { command_line({"a\"b"}); }), HasSubstr("holds no quote"));
}

TEST(Program, is_looked_up_in_the_path_of_the_child) {
    const test::TemporaryDirectory directory;
    test::write_file(directory.path() / "tool.exe", "");
    test::write_file(directory.path() / "tool.cmd", "");
    const Words env = {"Path=C:\\nowhere;" + directory.path().string()};
    EXPECT_THAT(to_utf8(find_program("tool", "", env)), HasSubstr("tool.exe"));
    EXPECT_THAT(to_utf8(find_program("TOOL.EXE", "", env)), HasSubstr("TOOL.EXE"));
    EXPECT_THAT(to_utf8(find_program(".\\tool", directory.path().string(), {})),
                HasSubstr("tool.exe"));
    EXPECT_THAT(error_of([&] { find_program("tool.cmd", "", env); }), HasSubstr("cmd.exe"));
    EXPECT_THAT(error_of([&] { find_program("other", "", env); }),
                HasSubstr("in PATH (C:\\nowhere;"));
}

TEST(Program, is_no_directory) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path().string();
    const std::string refusal = ": it is a directory; name the program in it (stage exec)";
    for (const std::string& name : {path, path + "\\", std::string("C:\\")})
        EXPECT_EQ(error_of([&] { find_program(name, "", {}); }),
                  "cannot execute " + name + refusal);
    EXPECT_EQ(error_of([&] { find_program(".\\", path, {}); }), "cannot execute .\\" + refusal);
    // A program beside it is found as ever.
    test::write_file(path + ".exe", "");
    EXPECT_THAT(to_utf8(find_program(path, "", {})), HasSubstr(".exe"));
    std::filesystem::remove(path + ".exe");
}

TEST(Program, is_no_file_of_commands_that_is_found_for_it) {
    const test::TemporaryDirectory directory;
    test::write_file(directory.path() / "npm.cmd", "");
    const Words env = {"Path=C:\\nowhere;" + directory.path().string()};
    const std::string told = error_of([&] { find_program("npm", "", env); });
    EXPECT_THAT(told, HasSubstr("cannot run npm, which is "));
    EXPECT_THAT(told, HasSubstr("npm.cmd: a .cmd or .bat file is run by cmd.exe"));
    test::write_file(directory.path() / "npm.exe", "");
    EXPECT_THAT(to_utf8(find_program("npm", "", env)), HasSubstr("npm.exe"));
}

// What lacks a drive is looked for on that of the working directory, but not what needs none.
TEST(Program, of_a_share_is_not_looked_for_on_a_drive) {
    const std::wstring number = std::to_wstring(::GetCurrentProcessId());
    const std::wstring server = L"C:\\syspulse-server-" + number;
    ASSERT_NE(::CreateDirectoryW(server.c_str(), nullptr), 0);
    ASSERT_NE(::CreateDirectoryW((server + L"\\share").c_str(), nullptr), 0);
    const std::wstring program = server + L"\\share\\app.exe";
    EXPECT_NE(::CopyFileW(to_wide(CHILD_PROGRAM).c_str(), program.c_str(), TRUE), 0);
    const std::string rooted = to_utf8(program.substr(2));
    EXPECT_EQ(to_utf8(find_program(rooted, "C:\\d", {})), "C:" + rooted);
    const std::string shared = "\\" + rooted;
    EXPECT_THAT(error_of([&] { find_program(shared, "C:\\d", {}); }),
                HasSubstr("cannot execute " + shared + ": there is no such program"));
    const std::string marked = "\\\\?\\C:" + rooted;
    EXPECT_EQ(to_utf8(find_program(marked, "C:\\d", {})), marked);
    ::DeleteFileW(program.c_str());
    ::RemoveDirectoryW((server + L"\\share").c_str());
    ::RemoveDirectoryW(server.c_str());
}

// Windows says of such a file that it is not there.
TEST(Program, is_not_begun_from_a_path_that_is_too_long) {
    const test::TemporaryDirectory directory;
    const std::wstring top =
        L"\\\\?\\" + directory.path().native() + L"\\" + std::wstring(150, L'd');
    const std::wstring inner = top + L"\\" + std::wstring(150, L'e');
    const std::wstring program = inner + L"\\tool.exe";
    ASSERT_NE(::CreateDirectoryW(top.c_str(), nullptr), 0);
    ASSERT_NE(::CreateDirectoryW(inner.c_str(), nullptr), 0);
    ASSERT_NE(::CopyFileW(to_wide(CHILD_PROGRAM).c_str(), program.c_str(), TRUE), 0);
    const std::string path = to_utf8(program.substr(4));
    const std::string refusal = ": its path has " + std::to_string(path.size()) +
                                " characters, Windows starts programs with at most 259; put it "
                                "into a directory with a shorter path";
    EXPECT_THAT(error_of([&] { find_program(path, "", {}); }), HasSubstr(path + refusal));
    EXPECT_THAT(error_of([&] { find_program(to_utf8(program), "C:\\d", {}); }),
                HasSubstr("Windows starts programs with at most 259"));
    const Words env = {"PATH=" + to_utf8(inner.substr(4))};
    EXPECT_THAT(error_of([&] { find_program("tool", "", env); }), HasSubstr(path + refusal));
    EXPECT_THAT(error_of([&] { find_program("other", "", env); }), HasSubstr("no such program"));
    ::DeleteFileW(program.c_str());
    ::RemoveDirectoryW(inner.c_str());
    ::RemoveDirectoryW(top.c_str());
}

TEST(Program, is_no_script_however_its_name_ends) {
    const test::TemporaryDirectory directory;
    test::write_file(directory.path() / "x.bat", "");
    for (const char* name :
         {"x.bat", "X.BAT ", "x.bat.", "x.cmd. . ", "x.bat::$DATA", "x.bat:part", "x.bat .:part",
          "C:\\dir\\x.bat .", "C:x.cmd.", ".\\x.bat\\.", "x.bat/y/.."}) {
        EXPECT_THAT(error_of([&] { find_program(name, directory.path().string(), {}); }),
                    HasSubstr("run by cmd.exe"))
            << name;
    }
    for (const char* name : {"x.batch", "bat", "x.bat.txt", "C:bat", "x.bat\\y"}) {
        EXPECT_THAT(error_of([&] { find_program(name, directory.path().string(), {}); }),
                    HasSubstr("there is no such program"))
            << name;
    }
}

// Neither has it none, nor is all of it held.
TEST(Jobs, that_cannot_be_looked_into_are_no_empty_ones) {
    auto job = job::JobObject::create(L"Local\\syspulse-test-unseen-" +
                                      std::to_wstring(::GetCurrentProcessId()));
    EXPECT_TRUE(job.pids().empty());
    ::CloseHandle(job.get());  // From here on every question about it fails.
    const auto cannot_list = HasSubstr("cannot list the processes of a job");
    EXPECT_THAT(error_of([&] { job.pids(); }), cannot_list);
    EXPECT_THAT(error_of([&] { job.oldest(); }), cannot_list);
    EXPECT_THAT(error_of([&] { job.accounts(); }), cannot_list);
    job::HeldThreads held;
    EXPECT_THAT(error_of([&] { held.hold(job); }), cannot_list);
    EXPECT_THAT(error_of([&] { job::HeldThreads::free_all(job); }), cannot_list);
}

TEST(Launch, refuses_a_working_directory_that_is_too_long) {
    windows::LaunchPlan plan;
    plan.directory = L"C:\\" + std::wstring(256, L'd');
    EXPECT_THAT(error_of([&] { windows::launch(plan); }),
                HasSubstr("working_dir has 259 characters, Windows takes 258"));
}

TEST(Environment, is_sorted_and_has_each_name_once) {
    const std::wstring block = environment_block({"b=1", "A=2", "B=3", "no equals sign"});
    const auto a = block.find(std::wstring(L"A=2") + L'\0');
    const auto b = block.find(std::wstring(L"B=3") + L'\0');
    ASSERT_NE(a, std::wstring::npos);
    ASSERT_NE(b, std::wstring::npos);
    EXPECT_LT(a, b);
    EXPECT_EQ(block.find(L"b=1"), std::wstring::npos);
    EXPECT_NE(block.find(L"SystemRoot="), std::wstring::npos);
    EXPECT_EQ(block.substr(block.size() - 2), std::wstring(2, L'\0'));
}

// What Windows is asked for; whether it obeys shows on Windows only.
TEST(Limits, are_asked_for_exactly) {
    sysp_limits limits{};
    limits.valid = SYSP_LIMIT_MEMORY | SYSP_LIMIT_PROCESSES | SYSP_LIMIT_CPU;
    limits.memory_bytes = 256 << 20;
    limits.processes = 64;
    limits.cpu_percent = 50;
    const auto request = job::limit_request(limits, 4);
    const auto& basic = request.extended.BasicLimitInformation;
    EXPECT_EQ(basic.LimitFlags,
              DWORD{JOB_OBJECT_LIMIT_JOB_MEMORY | JOB_OBJECT_LIMIT_ACTIVE_PROCESS});
    EXPECT_EQ(request.extended.JobMemoryLimit, 256U << 20U);
    EXPECT_EQ(basic.ActiveProcessLimit, 64U);
    ASSERT_TRUE(request.cpu);
    EXPECT_EQ(request.cpu->ControlFlags,
              DWORD{JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP});
    EXPECT_EQ(request.cpu->CpuRate, 1250U) << "hundredths of a percent of four processors";
    limits.cpu_percent = 1600;
    EXPECT_EQ(job::limit_request(limits, 4).cpu->CpuRate, 10'000U);
    limits.valid = 0;
    const auto none = job::limit_request(limits, 4);
    EXPECT_EQ(none.extended.BasicLimitInformation.LimitFlags, 0U);
    EXPECT_FALSE(none.cpu);
}

TEST(Limits, are_told_but_for_that_of_the_cpu) {
    for (const std::uint32_t limit : {SYSP_LIMIT_MEMORY, SYSP_LIMIT_PROCESSES, SYSP_LIMIT_CPU}) {
        sysp_limits limits{};
        limits.valid = limit;
        limits.memory_bytes = 256 << 20;
        limits.processes = 64;
        limits.cpu_percent = 50;
        auto extended = job::limit_request(limits, 4).extended;
        // As every job is while its process is not settled.
        extended.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        EXPECT_EQ(job::are_told(extended), limit != SYSP_LIMIT_CPU) << limit;
    }
    EXPECT_FALSE(job::are_told({}));
}

TEST(Launch, puts_a_process_into_its_job_whether_or_not_it_can_be_born_there) {
    for (const bool born_there : {true, false}) {
        const job::JobObject job = job::JobObject::create({});
        windows::LaunchPlan plan;
        plan.program = to_wide(CHILD_PROGRAM);
        plan.command_line = command_line({"child", "sleep"});
        plan.environment = environment_block({});
        plan.job = job.get();
        plan.born_in_job = born_there;
        const windows::Launched launched = windows::launch(plan);
        EXPECT_EQ(job.pids(), std::vector<DWORD>{launched.pid}) << born_there;
        EXPECT_TRUE(job.terminate(5));
        EXPECT_EQ(::WaitForSingleObject(launched.process.get(), 60'000), WAIT_OBJECT_0);
        ::TerminateProcess(launched.process.get(), 1);  // One that is not in it.
    }
}

// The next message, with its key and the process that it is about.
struct Message {
    DWORD what = 0;
    ULONG_PTR key = 0;
    DWORD pid = 0;
};

Message next_message(HANDLE port) {
    Message message;
    OVERLAPPED* about = nullptr;
    ::GetQueuedCompletionStatus(port, &message.what, &message.key, &about, 60'000);
    message.pid = static_cast<DWORD>(reinterpret_cast<std::uintptr_t>(about));
    return message;
}

TEST(Job, tells_its_port_what_happens_in_it) {
    const windows::UniqueHandle port(::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
    job::JobObject job = job::JobObject::create({});
    ASSERT_TRUE(job.notify(port.get(), 42));
    windows::LaunchPlan plan;
    plan.program = to_wide(CHILD_PROGRAM);
    plan.command_line = command_line({"child", "exit", "0"});
    plan.environment = environment_block({});
    plan.job = job.get();
    const windows::Launched launched = windows::launch(plan);
    const Message born = next_message(port.get());
    EXPECT_EQ(born.what, DWORD{JOB_OBJECT_MSG_NEW_PROCESS});
    EXPECT_EQ(born.key, 42U);
    EXPECT_EQ(born.pid, launched.pid);
    // The host of its console may come and go, too.
    Message last = born;
    while (last.what != 0 && last.what != JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO)
        last = next_message(port.get());
    EXPECT_EQ(last.what, DWORD{JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO});
    EXPECT_EQ(last.key, 42U);
}

TEST(Token, gives_back_what_was_put_in) {
    const job::Identity identity{4711, 133'000'000'000'000'000, "Local\\syspulse-run:1"};
    EXPECT_EQ(job::Identity::parse(identity.to_token()), identity);
    for (const char* bad :
         {"", "job1:", "job1:1:2", "job1:0:2:x", "job1:a:2:x", "job2:1:2:x", "job1:1:2:", "4711"}) {
        EXPECT_FALSE(job::Identity::parse(bad)) << bad;
    }
    EXPECT_EQ(job::job_name("a\\b/c"), "Local\\syspulse-a_b_c");
}

TEST(Text, survives_both_ways) {
    const std::string text = "\xc3\xa9 \xf0\x9f\x98\x80";
    EXPECT_EQ(to_utf8(to_wide(text)), text);
    EXPECT_EQ(to_utf8(to_wide("")), "");
}

}  // namespace
}  // namespace syspulse::plugins
