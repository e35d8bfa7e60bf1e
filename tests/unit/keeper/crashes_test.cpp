#include "keeper/crashes.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace syspulse::keeper {
namespace {

class Crashes : public testing::Test {
  protected:
    // A manager that was ended while it called these.
    std::optional<LastCrash> crash(std::initializer_list<const char*> loop,
                                   std::initializer_list<const char*> workers = {}) {
        PluginCalls& calls = board_->plugin_calls;
        for (const char* const plugin : loop)
            calls.calls[0] = call_mark(number_of_plugin(calls, plugin), "start");
        std::size_t place = 1;
        for (const char* const plugin : workers)
            calls.calls[place++] = call_mark(number_of_plugin(calls, plugin), "worker");
        ++board_->restarts;
        ++board_->crashes;
        board_->crash_value = 11;
        board_->crash_signalled = 1;
        return judge_crash(*board_);
    }
    bool banished(const char* plugin) const { return has_crashed_too_often(*board_, plugin); }

    std::unique_ptr<Board> board_ = std::make_unique<Board>();
};

TEST_F(Crashes, are_none_where_a_manager_was_killed_or_has_ended_in_order) {
    EXPECT_FALSE(judge_crash(*board_)) << "the first manager";
    board_->plugin_calls.calls[3] = call_mark(1, "worker");
    EXPECT_FALSE(judge_crash(*board_)) << "handed over";
    board_->plugin_calls.calls[0] = call_mark(1, "start");
    ++board_->restarts;
    EXPECT_FALSE(judge_crash(*board_)) << "killed";
    EXPECT_EQ(board_->plugin_calls.calls[0], 0U);
}

TEST_F(Crashes, are_told_with_what_was_being_called) {
    const auto told = crash({"org.a"}, {"org.b", "org.b"});
    ASSERT_TRUE(told);
    EXPECT_EQ(told->how, "was ended by signal 11");
    EXPECT_EQ(told->calls,
              (std::vector<std::string>{"start of plugin org.a", "worker of plugin org.b"}));
    EXPECT_FALSE(judge_crash(*board_)) << "is told once";
}

TEST_F(Crashes, of_three_managers_in_a_row_are_laid_at_the_door_of_a_plugin) {
    crash({"org.a"}, {"org.b"});
    crash({"org.a"});
    EXPECT_FALSE(banished("org.a"));
    crash({"org.a"}, {"org.c"});
    EXPECT_TRUE(banished("org.a"));
    EXPECT_FALSE(banished("org.b"));
    EXPECT_FALSE(banished("org.c"));
    EXPECT_FALSE(banished("org.unknown"));
    ++board_->restarts;
    static_cast<void>(judge_crash(*board_));
    EXPECT_TRUE(banished("org.a")) << "somebody has killed a manager";
    static_cast<void>(judge_crash(*board_));
    EXPECT_FALSE(banished("org.a")) << "a manager was replaced in good order";
}

TEST_F(Crashes, of_different_plugins_are_no_row) {
    for (int i = 0; i < 4; ++i) {
        crash({"org.a"});
        crash({"org.b"});
    }
    crash({});
    EXPECT_FALSE(banished("org.a"));
    EXPECT_FALSE(banished("org.b"));
}

TEST_F(Crashes, of_long_ago_do_not_count) {
    crash({"org.a"});
    crash({"org.a"});
    board_->crashes_forgotten = board_->crashes.load();
    crash({"org.a"});
    crash({"org.a"});
    EXPECT_FALSE(banished("org.a"));
    crash({"org.a"});
    EXPECT_TRUE(banished("org.a"));
}

TEST(PluginCalls, are_marked_and_unmarked) {
    const auto calls = std::make_unique<PluginCalls>();
    const std::uint8_t a = number_of_plugin(*calls, "org.a");
    const std::uint8_t b = number_of_plugin(*calls, "org.b");
    {
        const LoopCall outer(calls.get(), a, "a timer callback");
        {
            const LoopCall inner(calls.get(), b, "spawn");
            const LoopCall unmarked(calls.get(), 0, "cancel");
            EXPECT_EQ(plugin_of_mark(calls->calls[0]), b);
            EXPECT_EQ(function_of_mark(calls->calls[0]), "spawn");
        }
        EXPECT_EQ(plugin_of_mark(calls->calls[0]), a);
        EXPECT_EQ(function_of_mark(calls->calls[0]), "a timer callback");
        const WorkerCall first(calls.get(), a);
        std::thread([&] {
            const WorkerCall second(calls.get(), b);
            EXPECT_EQ(plugin_of_mark(calls->calls[1]), a);
            EXPECT_EQ(plugin_of_mark(calls->calls[2]), b);
        }).join();
        EXPECT_EQ(calls->calls[2], 0U);
    }
    for (const auto& call : calls->calls) EXPECT_EQ(call, 0U);
}

TEST(PluginCalls, know_only_so_many_plugins) {
    const auto calls = std::make_unique<PluginCalls>();
    for (std::size_t n = 0; n < PluginCalls::known_plugins; ++n)
        EXPECT_EQ(number_of_plugin(*calls, "org." + std::to_string(n)), n + 1);
    EXPECT_EQ(number_of_plugin(*calls, "org.0"), 1);
    EXPECT_EQ(number_of_plugin(*calls, "org.more"), 0);
    EXPECT_EQ(number_of_plugin(*calls, std::string(PluginCalls::name_bytes, 'x')), 0);
}

}  // namespace
}  // namespace syspulse::keeper
