// What jobs tell the driver `job`, while their processes live.
#include <gtest/gtest.h>
#include <windows.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "support/eventually.hpp"
#include "support/fake_plugin_host.hpp"
#include "support/temporary_directory.hpp"

namespace syspulse::testing {
namespace {

// How many messages wait in it; false if it is no completion port.
bool waiting_in(HANDLE handle, ULONG& depth) {
    using Query = LONG(WINAPI*)(HANDLE, int, void*, ULONG, ULONG*);
    constexpr int basic_information = 0;
    const auto query = reinterpret_cast<Query>(reinterpret_cast<void*>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQueryIoCompletion")));
    return query(handle, basic_information, &depth, sizeof depth, nullptr) >= 0;
}

// The completion ports of this process.
std::vector<HANDLE> ports() {
    constexpr std::intptr_t last_handle = 0x4000;
    std::vector<HANDLE> found;
    ULONG depth = 0;
    for (std::intptr_t value = 4; value < last_handle; value += 4) {
        const auto handle = reinterpret_cast<HANDLE>(value);
        if (waiting_in(handle, depth)) found.push_back(handle);
    }
    return found;
}

// Of the driver, which is the only one here that makes a port.
class JobMessages : public ::testing::Test {
  protected:
    JobMessages() {
        std::erase_if(ports_, [&](HANDLE port) { return std::ranges::count(before_, port) != 0; });
    }
    ~JobMessages() override {
        EXPECT_EQ(host_.signal(1, SYSP_SIG_KILL).status, SYSP_OK);
        EXPECT_TRUE(host_.wait_exit(1));
        host_.release(1);
        EXPECT_EQ(host_.watch_count(), 0U);
    }
    void start(std::vector<std::string> words) {
        FakePluginHost::Spawn spawn;
        spawn.argv = {CHILD_PROGRAM};
        spawn.argv.insert(spawn.argv.end(), words.begin(), words.end());
        spawn.argv.push_back((directory_.path() / "ready").string());
        const Done done = host_.spawn(1, spawn);
        ASSERT_EQ(done.status, SYSP_OK) << done.message;
        // Who gives a file its name has it open for a moment longer.
        ASSERT_TRUE(test::eventually(
            [&] { return std::ifstream((directory_.path() / "ready").string()).is_open(); }));
    }
    void limit_reached() {
        ASSERT_NE(::PostQueuedCompletionStatus(ports_.at(0), JOB_OBJECT_MSG_ACTIVE_PROCESS_LIMIT, 1,
                                               nullptr),
                  0);
    }
    std::size_t warnings() {
        const std::string log = host_.log();
        std::size_t count = 0;
        for (auto at = log.find("has max_processes already"); at != std::string::npos;
             at = log.find("has max_processes already", at + 1))
            ++count;
        return count;
    }

    test::TemporaryDirectory directory_;
    std::vector<HANDLE> before_ = ports();
    FakePluginHost host_{JOB_PLUGIN};
    std::vector<HANDLE> ports_ = ports();
};

TEST_F(JobMessages, are_taken_while_the_process_lives) {
    ASSERT_EQ(ports_.size(), 1U);
    ASSERT_NO_FATAL_FAILURE(start({"many", "20"}));
    ULONG depth = 1;
    EXPECT_TRUE(host_.run_until([&] { return waiting_in(ports_[0], depth) && depth == 0; }))
        << depth << " messages are left";
}

// Posted here in the place of the system, because some do not enforce the limit.
TEST_F(JobMessages, tell_at_once_of_a_limit_that_is_reached_but_not_all_the_time) {
    ASSERT_NO_FATAL_FAILURE(start({"deaf"}));
    EXPECT_EQ(warnings(), 0U);
    ASSERT_NO_FATAL_FAILURE(limit_reached());
    EXPECT_TRUE(host_.run_until([&] { return warnings() != 0; })) << host_.log();
    for (int i = 0; i < 100; ++i) ASSERT_NO_FATAL_FAILURE(limit_reached());
    ULONG depth = 1;
    EXPECT_TRUE(host_.run_until([&] { return waiting_in(ports_[0], depth) && depth == 0; }));
    EXPECT_EQ(warnings(), 1U);
}

}  // namespace
}  // namespace syspulse::testing
